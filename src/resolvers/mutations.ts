/** The verbs of the API: reads the input, calls the verb of the same name, shapes the payload. */
import * as verbs from '../batches/verbs.ts';
import type { Context } from '../context.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { DryRun } from '../domain/dry-run.ts';
import { globalId, uuidOfInput } from './arguments.ts';
import {
  type CreateBatchArgument,
  type RequestsHolder,
  readAddRequests,
  readAdoptJob,
  readCreateBatch,
  readResolution,
  readRetryBatch,
  readUpdateBatch,
} from './input.ts';

/** A payload that is the batch. */
export interface BatchPayload {
  readonly batch: BatchRow;
}

/** A payload that is the batch, of a call that can be made again. */
export interface CalledPayload extends BatchPayload {
  readonly replayed: boolean;
}

interface BatchArgument {
  readonly input: { readonly batchId: string };
}

/** Makes a batch, or tells what that would do. */
export async function createBatch(
  { input: { dryRun, ...input } }: { input: CreateBatchArgument },
  { services, scope }: Context,
): Promise<CalledPayload | DryRun> {
  if (dryRun === true) {
    return verbs.dryRunBatch(services, scope, () => readCreateBatch(input, services.settings.bodyBytesMax));
  }
  return verbs.createBatch(services, scope, await readCreateBatch(input, services.settings.bodyBytesMax));
}

/** Adds requests to an open batch. */
export async function addRequests(
  { input: { batchId, ...fields } }: { input: { batchId: string } & RequestsHolder },
  { services, scope }: Context,
): Promise<CalledPayload> {
  const id = uuidOfInput('Batch', 'batchId', batchId);
  const read = await readAddRequests(fields, services.settings.bodyBytesMax);
  return verbs.addRequests(services, scope, id, read);
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

/** Settles a job of which it cannot be known whether it was created. */
export async function resolveJob(
  { input: { jobId, resolution } }: { input: { jobId: string; resolution: unknown } },
  { services, scope }: Context,
): Promise<verbs.JobOfBatch> {
  const id = uuidOfInput('Job', 'jobId', jobId);
  return verbs.resolveJob(services, scope, id, readResolution(resolution));
}

/** Takes over a provider's batch that was made elsewhere. */
export async function adoptJob(
  { input }: { input: RequestsHolder },
  { services, scope }: Context,
): Promise<verbs.JobOfBatch> {
  return verbs.adoptJob(services, scope, await readAdoptJob(input, services.settings.bodyBytesMax));
}

/** Tries failed requests of a batch again. */
export async function retryBatch(
  { input: { batchId, ...fields } }: { input: { batchId: string; [field: string]: unknown } },
  { services, scope }: Context,
): Promise<verbs.RetriedBatch> {
  const id = uuidOfInput('Batch', 'batchId', batchId);
  return verbs.retryBatch(services, scope, id, readRetryBatch(fields));
}

/** Has a batch's provider delete what it keeps of it. */
export async function deleteProviderFiles(
  { input }: BatchArgument,
  { services, scope }: Context,
): Promise<BatchPayload> {
  const id = uuidOfInput('Batch', 'batchId', input.batchId);
  return { batch: await verbs.deleteProviderFiles(services, scope, id) };
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
