/** What the caller's organization may have, how much of it there is, and the verb that lowers it. */
import { quotasOf } from '../batches/quotas.ts';
import type { Context } from '../context.ts';
import { readHoldings } from '../db/queries/quotas.ts';
import { batchesIn, type QuotaName, quotaLayerSchema } from '../domain/quota.ts';
import { ValidationError } from '../errors.ts';
import { setOwnQuotas } from '../keys/set-quotas.ts';
import { parseInput } from './arguments.ts';

/** One quota of the organization. */
export interface QuotaModel {
  readonly which: QuotaName;
  /** Null: as much as there is. */
  readonly limit: number | null;
  /** Null for what is measured by the call. */
  readonly current: number | null;
  readonly provider: string | null;
}

const quotasNow = ({ services, scope }: Context) =>
  services.db.read((q) => quotasOf(services, scope, q, scope.organizationId));

/** The plan that the organization is on; null where it is on none. */
export const organizationPlan = async (context: Context): Promise<string | null> =>
  (await quotasNow(context)).plan;

/** The providers that the organization may use. */
export async function allowedProviders(context: Context): Promise<string[]> {
  const { quotas } = await quotasNow(context);
  return allowedAmong(quotas.providers, context);
}

/** Every quota of the organization, those of providers once for each. */
export async function organizationQuotas(context: Context): Promise<QuotaModel[]> {
  const { services, scope } = context;
  const { quotas } = await quotasNow(context);
  const held = await services.db.read((q) => readHoldings(scope, q, scope.organizationId));
  const whole = (which: QuotaName, limit: number | null, current: number | null) => ({
    which,
    limit,
    current,
    provider: null,
  });
  return [
    whole('REQUESTS_PER_BATCH', quotas.requestsPerBatch, null),
    whole('BYTES_PER_UPLOAD', quotas.bytesPerUpload, null),
    whole('ACTIVE_BATCHES', quotas.activeBatches, batchesIn(held)),
    ...allowedAmong(quotas.providers, context).map((provider) => ({
      which: 'WAITING_REQUESTS' as const,
      limit: quotas.waitingRequests,
      current: held.get(provider)?.waiting ?? 0,
      provider,
    })),
  ];
}

/** Holds the organization to less than its operator allows. */
export async function setQuotas({ input }: { input: unknown }, context: Context): Promise<Context['viewer']> {
  const { services, scope, viewer } = context;
  const change = parseInput(quotaLayerSchema, input);
  const known = services.providers.entries.map(({ provider }) => provider.name);
  const unknown = (change.providers ?? []).flatMap((name, index) => (known.includes(name) ? [] : [index]));
  if (unknown.length > 0) {
    throw new ValidationError(
      unknown.map((index) => ({
        path: ['input', 'providers', index],
        line: null,
        message: `There is no provider with this name; known are ${known.join(', ')}.`,
      })),
    );
  }
  await setOwnQuotas(services, scope, change);
  return viewer;
}

const allowedAmong = (providers: readonly string[] | null, { services }: Context): string[] =>
  services.providers.entries
    .map(({ provider }) => provider.name)
    .filter((name) => providers?.includes(name) ?? true);
