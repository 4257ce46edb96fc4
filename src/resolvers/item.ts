/** What an item answers when it is asked for its fields. */
import type { Context } from '../context.ts';
import type { AttemptView } from '../db/queries/item-attempts.ts';
import type { ItemView } from '../db/queries/item-pages.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { JsonValue } from '../domain/json-line.ts';
import { encodeCursor, type PageArguments } from '../domain/page.ts';
import type { Usage } from '../domain/usage.ts';
import { numberWindow, pageSizes } from './arguments.ts';
import { type Connection, connectionOf, readingLimit, readingOrder } from './connection.ts';

/** An item, as the schema's type is backed. */
export type ItemModel = ItemView;

/** Why an item has no success; null where it has one or is not over. */
export interface ItemErrorModel {
  readonly code: string;
  readonly message: string | null;
  readonly retryable: boolean | null;
}

/** One attempt of an item, as the schema's type is backed. */
export type AttemptModel = AttemptView;

/** What the newest attempt of an item brought, or any one; without a result while it is under way. */
type Outcome = Pick<AttemptView, Exclude<keyof AttemptView, 'attempt'>> & { readonly attempt: number | null };

/** Tokens of an outcome; null fields are unknown. */
export const itemUsage = (outcome: Outcome): Usage | null => (outcome.finishedAt === null ? null : outcome);

/** Why the item did not succeed. */
export const itemError = ({ errorCode, errorMessage, retryable }: Outcome): ItemErrorModel | null =>
  errorCode === null ? null : { code: errorCode, message: errorMessage, retryable };

/** The body that was sent, parsed; null once it is removed. */
export async function itemRequest(item: ItemView, { loaders }: Context): Promise<JsonValue> {
  const row = await loaders.request.load(item);
  return row === null ? null : (JSON.parse(row.request) as JsonValue);
}

/** The provider's line, parsed; as text where it is not JSON, null where there is none. */
export async function itemResponse(outcome: Outcome, context: Context): Promise<JsonValue> {
  const response = await lineOf(outcome, context);
  if (response === null) return null;
  try {
    return JSON.parse(response) as JsonValue;
  } catch {
    return response;
  }
}

/** What the model wrote; null where it wrote nothing. */
export async function itemText(outcome: Outcome, context: Context): Promise<string | null> {
  if (outcome.status !== 'SUCCEEDED') return null;
  const { loaders, services } = context;
  const [line, batch] = await Promise.all([lineOf(outcome, context), loaders.batch.load(outcome.batchId)]);
  const entry = batch === null ? null : services.providers.find(batch.provider);
  return line === null || entry === null ? null : entry.provider.decoding.readText(line);
}

async function lineOf({ batchId, position, attempt }: Outcome, { loaders }: Context): Promise<string | null> {
  if (attempt === null) return null;
  return (await loaders.response.load({ batchId, position, attempt }))?.response ?? null;
}

/** The job that made the attempt, of an item the newest; null while none has it. */
export async function itemJob({ jobId }: Outcome, { loaders }: Context): Promise<JobRow | null> {
  return jobId === null ? null : loaders.job.load(jobId);
}

/** Every attempt of the item, the first one first. */
export async function itemAttempts(
  item: ItemView,
  args: PageArguments,
  { loaders }: Context,
): Promise<Connection<AttemptView>> {
  const { window, beyond } = numberWindow('attempt', args, pageSizes.batches);
  const page = { limit: readingLimit(window), order: readingOrder(window, 'ascending'), beyond };
  const rows = await loaders.attempts(page).load(item);
  return connectionOf(
    window,
    rows,
    ({ attempt }) => encodeCursor('attempt', [attempt]),
    async () => (await loaders.attemptCount.load(item))?.count ?? 0,
  );
}

/** The batch that the item belongs to. */
export async function itemBatch(item: ItemView, { loaders }: Context): Promise<BatchRow> {
  const batch = await loaders.batch.load(item.batchId);
  if (batch === null) throw new Error('an item always has its batch');
  return batch;
}

/** The part of an item's global id that tells it from all others. */
export const itemKeyText = (item: ItemView): string => `${item.batchId}:${item.position}`;
