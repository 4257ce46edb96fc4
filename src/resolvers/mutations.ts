/** The verbs of the API: reads the input, calls the verb of the same name, shapes the payload. */
import * as verbs from '../batches/verbs.ts';
import type { Context } from '../context.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { globalId, uuidOfInput } from './arguments.ts';
import {
  type CreateBatchArgument,
  type RequestsArgument,
  readCreateBatch,
  readRequests,
  readRetryBatch,
  readUpdateBatch,
} from './input.ts';

/** A payload that is the batch. */
export interface BatchPayload {
  readonly batch: BatchRow;
}

interface BatchArgument {
  readonly input: { readonly batchId: string };
}

/** Makes a batch. */
export async function createBatch(
  { input }: { input: CreateBatchArgument },
  { services, scope }: Context,
): Promise<BatchPayload> {
  const read = await readCreateBatch(input, services.settings.bodyBytesMax);
  return { batch: await verbs.createBatch(services, scope, read) };
}

/** Adds requests to an open batch. */
export async function addRequests(
  { input }: { input: { batchId: string; requests: RequestsArgument } },
  { services, scope }: Context,
): Promise<BatchPayload> {
  const id = uuidOfInput('Batch', 'batchId', input.batchId);
  const requests = await readRequests(input.requests, services.settings.bodyBytesMax);
  return { batch: await verbs.addRequests(services, scope, id, requests) };
}

/** Changes name and metadata. */
export async function updateBatch(
  { input: { batchId, ...fields } }: { input: { batchId: string; [field: string]: unknown } },
  { services, scope }: Context,
): Promise<BatchPayload> {
  const id = uuidOfInput('Batch', 'batchId', batchId);
  return { batch: await verbs.updateBatch(services, scope, id, readUpdateBatch(fields)) };
}

/** Closes an open batch. */
export async function submitBatch(
  { input }: BatchArgument,
  { services, scope }: Context,
): Promise<BatchPayload> {
  return { batch: await verbs.submitBatch(services, scope, uuidOfInput('Batch', 'batchId', input.batchId)) };
}

/** Asks the provider now. */
export async function syncBatch(
  { input }: BatchArgument,
  { services, scope }: Context,
): Promise<verbs.SyncedBatch> {
  return verbs.syncBatch(services, scope, uuidOfInput('Batch', 'batchId', input.batchId));
}

/** How many jobs of a batch go on although it is being cancelled. */
export const jobsGoingOn = (batch: BatchRow, { services, scope }: Context): Promise<number> =>
  verbs.jobsGoingOn(services, scope, batch);

/** Stops a batch. */
export async function cancelBatch(
  { input }: BatchArgument,
  { services, scope }: Context,
): Promise<BatchPayload> {
  return { batch: await verbs.cancelBatch(services, scope, uuidOfInput('Batch', 'batchId', input.batchId)) };
}

/** Tries failed requests of a batch again. */
export async function retryBatch(
  { input: { batchId, ...fields } }: { input: { batchId: string; [field: string]: unknown } },
  { services, scope }: Context,
): Promise<verbs.RetriedBatch> {
  const id = uuidOfInput('Batch', 'batchId', batchId);
  return verbs.retryBatch(services, scope, id, readRetryBatch(fields));
}

/** Removes a batch. */
export async function deleteBatch(
  { input }: BatchArgument,
  { services, scope }: Context,
): Promise<{ deletedBatchId: string }> {
  const id = uuidOfInput('Batch', 'batchId', input.batchId);
  await verbs.deleteBatch(services, scope, id);
  return { deletedBatchId: globalId('Batch', id) };
}
