/** `createBatch`: makes a batch, with or without its first requests, and closes it where its rule says so. */
import { acceptCallbackUrl } from '../callbacks/accept-url.ts';
import { insertBatch } from '../db/queries/batches.ts';
import { insertEvent } from '../db/queries/events.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { CreateBatchInput } from '../domain/batch-input.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { type Issue, ValidationError } from '../errors.ts';
import type { ProviderEntry } from '../providers/access.ts';
import type { Provider } from '../providers/provider.ts';
import { newId, type Services } from '../services.ts';
import { acceptRequests } from './accept.ts';
import { appendItems, closeIfDue, knownProviders } from './add-requests.ts';
import { configured } from './close.ts';

/**
 * The new batch. Throws `ValidationError` for any bad field or line (nothing is stored then) and
 * `ProviderNotConfiguredError` where the provider has no credentials here.
 */
export async function createBatch(
  services: Services,
  scope: OrganizationScope,
  input: CreateBatchInput,
): Promise<BatchRow> {
  const entry = knownProvider(services, input.provider);
  const { provider } = entry;
  const endpoint = input.endpoint ?? provider.endpoints[0];
  const completionWindow = input.completionWindow ?? provider.completionWindows[0];
  refuseUnknown('endpoint', endpoint, provider.endpoints);
  refuseUnknown('completionWindow', completionWindow, provider.completionWindows);
  const sandbox = entry.mode === 'SANDBOX';
  configured(services, { provider: provider.name, sandbox });
  const model = input.model ?? null;
  refuseModel(provider, model);
  const callbackUrl = acceptCallbackUrl(services, input.callbackUrl);
  const known = knownProviders(services);
  const accepted = input.requests
    ? acceptRequests(input.requests, { provider, known, endpoint, model }, 0)
    : [];

  const id = newId(services.clock);
  return services.db.transaction(async (tx) => {
    const now = services.clock.now();
    await insertBatch(scope, tx, {
      id,
      organizationId: scope.organizationId,
      name: input.name ?? null,
      provider: provider.name,
      sandbox,
      endpoint,
      model,
      completionWindow,
      metadata: input.metadata ?? {},
      callbackUrl,
      status: 'ACCUMULATING',
      version: 1,
      submitMode: input.submit.kind,
      whenRequests: input.submit.kind === 'WHEN' ? input.submit.requests : null,
      whenBytes: input.submit.kind === 'WHEN' ? input.submit.bytes : null,
      whenSeconds: input.submit.kind === 'WHEN' ? input.submit.seconds : null,
      createdAt: now,
      updatedAt: now,
      createdBy: scope.apiKeyId,
      lastUpdatedBy: scope.apiKeyId,
    });
    const event = {
      batchId: id,
      organizationId: scope.organizationId,
      seq: 1,
      kind: 'BATCH_CREATED',
      data: { status: 'ACCUMULATING' },
      at: now,
    } as const;
    await insertEvent(scope, tx, event, services.settings);
    const filled = await appendItems(services, scope, tx, id, accepted);
    return closeIfDue(services, scope, tx, filled);
  });
}

function knownProvider(services: Services, name: string): ProviderEntry {
  const entry = services.providers.find(name);
  if (entry !== null) return entry;
  const known = services.providers.entries.map(({ provider }) => provider.name).join(', ');
  throw new ValidationError([issue('provider', `There is no provider with this name; known are ${known}.`)]);
}

function refuseModel({ modelPlace, title }: Provider, model: string | null): void {
  if (modelPlace !== 'NONE' || model === null) return;
  throw new ValidationError([issue('model', `model must be left out: ${title} names none.`)]);
}

function refuseUnknown(field: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new ValidationError([
      issue(field, `${field} must be one of ${allowed.join(', ')} for this provider.`),
    ]);
  }
}

const issue = (field: string, message: string): Issue => ({ path: ['input', field], line: null, message });
