/** What an item answers when it is asked for its fields. */
import type { Context } from '../context.ts';
import type { ItemView } from '../db/queries/item-pages.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { JsonValue } from '../domain/json-line.ts';

/** An item, as the schema's type is backed. */
export type ItemModel = ItemView;

/** Why an item has no success; null where it has one or is not over. */
export interface ItemErrorModel {
  readonly code: string;
  readonly message: string | null;
  readonly retryable: boolean | null;
}

/** Tokens of an item; null fields are unknown. */
export const itemUsage = (item: ItemView): ItemView | null => (item.attempt === null ? null : item);

/** Why the item did not succeed. */
export const itemError = ({ errorCode, errorMessage, retryable }: ItemView): ItemErrorModel | null =>
  errorCode === null ? null : { code: errorCode, message: errorMessage, retryable };

/** The body that was sent, parsed. */
export async function itemRequest(item: ItemView, { loaders }: Context): Promise<JsonValue> {
  const row = await loaders.request.load(item);
  if (row === null) throw new Error('an item always has its request');
  return JSON.parse(row.request) as JsonValue;
}

/** The provider's line, parsed; as text where it is not JSON, null where there is none. */
export async function itemResponse(item: ItemView, { loaders }: Context): Promise<JsonValue> {
  const row = await loaders.response.load(item);
  if (row === null) return null;
  try {
    return JSON.parse(row.response) as JsonValue;
  } catch {
    return row.response;
  }
}

/** What the model wrote; null where it wrote nothing. */
export async function itemText(item: ItemView, { loaders, services }: Context): Promise<string | null> {
  if (item.status !== 'SUCCEEDED') return null;
  const [row, batch] = await Promise.all([loaders.response.load(item), loaders.batch.load(item.batchId)]);
  const entry = batch === null ? null : services.providers.find(batch.provider);
  return row === null || entry === null ? null : entry.provider.decoding.readText(row.response);
}

/** The job that sent the item last; null while none has it. */
export async function itemJob(item: ItemView, { loaders }: Context): Promise<JobRow | null> {
  return item.jobId === null ? null : loaders.job.load(item.jobId);
}

/** The batch that the item belongs to. */
export async function itemBatch(item: ItemView, { loaders }: Context): Promise<BatchRow> {
  const batch = await loaders.batch.load(item.batchId);
  if (batch === null) throw new Error('an item always has its batch');
  return batch;
}

/** The part of an item's global id that tells it from all others. */
export const itemKeyText = (item: ItemView): string => `${item.batchId}:${item.position}`;
