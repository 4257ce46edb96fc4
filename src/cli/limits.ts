/**
 * `batchql org limits` and `batchql plan …`: what organizations may have, straight on the service's database. For the
 * operator, who alone can allow more; an organization's own admins take away by `setQuotas`.
 */
import { audited, noTarget } from '../audit/audited.ts';
import { quotasOf } from '../batches/quotas.ts';
import { listPlans, putPlan, readHoldings } from '../db/queries/quotas.ts';
import { organizationNameSchema } from '../domain/api-key.ts';
import { batchesIn, type QuotaLayer, type Quotas, quotaLayerSchema } from '../domain/quota.ts';
import { workerScope } from '../domain/scope.ts';
import { StartError } from '../errors.ts';
import { grantQuotas } from '../keys/set-quotas.ts';
import { table } from './docs-table.ts';
import { onDatabase, organizationOf } from './host.ts';

/** Quotas as they are written on a command line: a number, `none`, or `plan`; names, `all`, or `plan`. */
export interface QuotaOptions {
  readonly requestsPerBatch?: string;
  readonly bytesPerUpload?: string;
  readonly activeBatches?: string;
  readonly waitingRequests?: string;
  readonly providers?: string;
}

/** What `org limits` is told. */
export interface LimitsOptions extends QuotaOptions {
  readonly plan?: string;
}

/** Sets what is given of an organization's limits, and prints what holds for it. */
export const orgLimits = (nameOrId: string, { plan, ...options }: LimitsOptions): Promise<void> =>
  onDatabase(async (parts) => {
    const { id, name } = await organizationOf(parts.db, nameOrId);
    const { quotas, byPlan } = layerIn(options);
    if (plan !== undefined || Object.keys(quotas).length > 0 || byPlan.length > 0) {
      const call = { verb: 'grantQuotas', organizationId: id, target: noTarget };
      const grant = { plan: plan === 'none' ? null : plan, quotas, byPlan };
      await audited(parts, workerScope, call, (db) => grantQuotas({ db }, workerScope, id, grant));
    }
    const now = await parts.db.read((q) => quotasOf(parts, workerScope, q, id));
    const held = await parts.db.read((q) => readHoldings(workerScope, q, id));
    const waiting = [...held].map(([provider, holding]) => `${provider} ${holding.waiting}`).join(', ');
    console.log(
      table(
        ['limit', name, 'now'],
        [
          ['plan', now.plan ?? 'none', ''],
          ...rowsOf(now.quotas, {
            activeBatches: String(batchesIn(held)),
            waitingRequests: waiting,
          }),
        ],
      ),
    );
  });

/** Makes a plan, or replaces one; what is left out is as the settings say. */
export const planSet = (name: string, options: QuotaOptions): Promise<void> =>
  onDatabase(async ({ db, clock }) => {
    const read = organizationNameSchema.safeParse(name);
    if (!read.success || name === 'none') throw new StartError('A plan cannot be called so.');
    const { quotas, byPlan } = layerIn(options);
    if (byPlan.length > 0) throw new StartError('What a plan leaves out is as the settings say.');
    await db.transaction((tx) => putPlan(workerScope, tx, { name, quotas, updatedAt: clock.now() }));
  });

/** Prints every plan. */
export const planList = (): Promise<void> =>
  onDatabase(async ({ db }) => {
    const plans = await db.read((q) => listPlans(workerScope, q));
    const cells = plans.map(({ name, quotas }) => [
      name,
      ...fields.map((field) => (quotas[field] === undefined ? '' : shown(quotas[field]))),
    ]);
    console.log(table(['plan', ...fields.map((field) => words[field])], cells));
  });

const words = {
  requestsPerBatch: 'requests per batch',
  bytesPerUpload: 'bytes per upload',
  activeBatches: 'active batches',
  waitingRequests: 'waiting requests per provider',
  providers: 'providers',
} as const satisfies Record<keyof Quotas, string>;
const fields = Object.keys(words) as (keyof Quotas)[];

const shown = (value: Quotas[keyof Quotas] | undefined): string => String(value ?? 'no limit');

const rowsOf = (quotas: Quotas, now: Partial<Record<keyof Quotas, string>>): string[][] =>
  fields.map((field) => [words[field], shown(quotas[field]), now[field] ?? '']);

/** What the options say; throws `StartError` for what is neither. */
function layerIn(options: QuotaOptions): { quotas: QuotaLayer; byPlan: (keyof QuotaLayer)[] } {
  const given = fields.flatMap((field) => {
    const text = options[field];
    return text === undefined ? [] : [{ field, text }];
  });
  const byPlan = given.filter(({ text }) => text === 'plan').map(({ field }) => field);
  const said = given
    .filter(({ text }) => text !== 'plan')
    .map(({ field, text }) => [field, field === 'providers' ? namesIn(text) : amountIn(text)] as const);
  const read = quotaLayerSchema.safeParse(Object.fromEntries(said));
  if (!read.success) throw new StartError(read.error.issues.map(({ message }) => message).join(' '));
  return { quotas: read.data, byPlan };
}

const amountIn = (text: string): number | null =>
  text === 'none' ? null : /^\d+$/.test(text) ? Number(text) : Number.NaN;

const namesIn = (text: string): string[] | null =>
  text === 'all' ? null : text.split(',').map((name) => name.trim());
