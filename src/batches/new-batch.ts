/**
 * A batch in the making: what its row will say, its first requests checked, and the row and its event in the
 * transaction that makes it. What it is made for is left to the verbs.
 */
import { acceptCallbackUrl } from '../callbacks/accept-url.ts';
import { type ChosenCredential, chooseCredential } from '../credentials/choose.ts';
import type { Queryable } from '../db/client.ts';
import { insertBatch, type NewBatch } from '../db/queries/batches.ts';
import { insertEvent } from '../db/queries/events.ts';
import type { CreateBatchInput } from '../domain/batch-input.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { type Issue, ValidationError } from '../errors.ts';
import type { ProviderEntry } from '../providers/access.ts';
import type { Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { acceptRequests, type PlacedItem } from './accept.ts';
import { knownProviders } from './add-requests.ts';
import { collectIssues } from './issue-collection.ts';

/** What a batch is made of. */
export interface BatchDraft {
  readonly entry: ProviderEntry;
  /** What its row says that neither who makes it nor when does. */
  readonly row: Omit<
    NewBatch,
    'id' | 'organizationId' | 'createdAt' | 'updatedAt' | 'createdBy' | 'lastUpdatedBy'
  >;
  readonly accepted: readonly PlacedItem[];
}

/**
 * The batch that the input asks for. Throws `ValidationError` for any bad field or line, and what `chooseCredential`
 * throws.
 */
export async function draftBatch(
  services: Services,
  scope: OrganizationScope,
  q: Queryable,
  input: Omit<CreateBatchInput, 'idempotencyKey'>,
  options: DraftOptions = {},
): Promise<BatchDraft> {
  const known = knownProvider(services, input.provider);
  const chosen = await chooseCredential(services, scope, q, known, input.credentialId ?? null);
  return readDraft(services, chosen, input, options);
}

/** How a draft is read. */
export interface DraftOptions {
  /** Whether every request must say what it is called. */
  readonly needsCustomIds?: boolean;
}

/** The same for a provider that need not be configured. Throws one `ValidationError` with all that is wrong. */
export function readDraft(
  services: Services,
  { entry, credentialId }: ChosenCredential,
  input: Omit<CreateBatchInput, 'idempotencyKey'>,
  { needsCustomIds = false }: DraftOptions = {},
): BatchDraft {
  const { provider } = entry;
  const { check, refuse } = collectIssues();
  const endpoint = input.endpoint ?? provider.endpoints[0];
  const completionWindow = input.completionWindow ?? provider.completionWindows[0];
  const isKnown = check(() => oneOf('endpoint', endpoint, provider.endpoints)) !== null;
  check(() => oneOf('completionWindow', completionWindow, provider.completionWindows));
  const model = check(() => acceptModel(provider, input.model ?? null));
  const callbackUrl = check(() => acceptCallbackUrl(services, input.callbackUrl));
  const deletes = input.deleteProviderFiles ?? false;
  check(() => acceptDeletion(provider, deletes));
  const { requests } = input;
  const defaults = { provider, known: knownProviders(services), endpoint, model, needsCustomIds };
  // Nothing can be said of bodies that are for nowhere.
  const accepted = requests && isKnown ? check(() => acceptRequests(requests, defaults, 0)) : null;
  refuse();
  const row = {
    name: input.name ?? null,
    provider: provider.name,
    sandbox: entry.mode === 'SANDBOX',
    credentialId,
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
    retryAttempts: input.retry?.attempts ?? null,
    deleteProviderFiles: deletes,
    retryBackoffSeconds: input.retry?.backoffSeconds ?? null,
  } as const;
  return { entry, row, accepted: accepted ?? [] };
}

/** Makes the batch, open and without requests, and tells of it. */
export async function insertNewBatch(
  services: Services,
  scope: OrganizationScope,
  tx: Queryable,
  id: string,
  { row }: BatchDraft,
): Promise<void> {
  const at = services.clock.now();
  const { organizationId, apiKeyId } = scope;
  const made = { createdAt: at, updatedAt: at, createdBy: apiKeyId, lastUpdatedBy: apiKeyId };
  await insertBatch(scope, tx, { ...row, ...made, id, organizationId });
  const event = {
    batchId: id,
    organizationId,
    seq: row.version,
    kind: 'BATCH_CREATED',
    data: { status: row.status },
    at,
  } as const;
  await insertEvent(scope, tx, event, services.settings);
}

/** The provider with that name. Throws `ValidationError` where there is none. */
export function knownProvider(services: Services, name: string): ProviderEntry {
  const entry = services.providers.find(name);
  if (entry !== null) return entry;
  const known = services.providers.entries.map(({ provider }) => provider.name).join(', ');
  throw new ValidationError([issue('provider', `There is no provider with this name; known are ${known}.`)]);
}

function acceptModel({ modelPlace, title }: Provider, model: string | null): string | null {
  if (modelPlace !== 'NONE' || model === null) return model;
  throw new ValidationError([issue('model', `model must be left out: ${title} names none.`)]);
}

function acceptDeletion({ capabilities, title }: Provider, deletes: boolean): void {
  if (!deletes || capabilities.deletion) return;
  const message = `deleteProviderFiles must be left out: ${title} deletes nothing at anybody's asking.`;
  throw new ValidationError([issue('deleteProviderFiles', message)]);
}

function oneOf(field: string, value: string, allowed: readonly string[]): string {
  if (allowed.includes(value)) return value;
  throw new ValidationError([
    issue(field, `${field} must be one of ${allowed.join(', ')} for this provider.`),
  ]);
}

const issue = (field: string, message: string): Issue => ({ path: ['input', field], line: null, message });
