/**
 * `deleteBatch`: removes a batch with everything it holds; bodies are people's data. Refused while something
 * runs, because what runs is paid for. One event stays behind, to tell those who follow.
 */
import { deleteBatchRow, lockBatch } from '../db/queries/batches.ts';
import { deleteDeliveries } from '../db/queries/deliveries.ts';
import { deleteEvents, insertEvent } from '../db/queries/events.ts';
import { deleteItems } from '../db/queries/items.ts';
import { deleteJobs, jobsOfBatch } from '../db/queries/jobs.ts';
import { deleteResults } from '../db/queries/results.ts';
import { deleteStrays } from '../db/queries/strays.ts';
import { deleteUploads } from '../db/queries/uploads.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { BatchStateError, NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';

/**
 * Removes the batch. Throws `NotFoundError`, and `BatchStateError` while it is neither open nor terminal, and
 * while its provider is deleting its files.
 */
export async function deleteBatch(
  services: Services,
  scope: OrganizationScope,
  batchId: string,
): Promise<void> {
  await services.db.transaction(async (tx) => {
    const batch = await lockBatch(scope, tx, batchId);
    if (batch === null) throw new NotFoundError('batch', batchId);
    if (batch.closedAt !== null && !isTerminalBatch(batch.status)) {
      throw new BatchStateError(
        batch.status,
        'The batch is still at work; cancel it and wait for its end first.',
      );
    }
    const jobs = await jobsOfBatch(scope, tx, batchId);
    if (jobs.some(({ providerFiles }) => providerFiles === 'DELETING')) {
      throw new BatchStateError(
        batch.status,
        "The batch's provider is still deleting its files, for which the jobs are needed; wait until Job.providerFiles says DELETED or FAILED.",
      );
    }
    for (const remove of [
      // First, so that no chunk of one commits behind the removal of items.
      deleteUploads,
      deleteDeliveries,
      deleteStrays,
      deleteResults,
      deleteItems,
      deleteJobs,
      deleteEvents,
      deleteBatchRow,
    ]) {
      await remove(scope, tx, batchId);
    }
    const event = {
      batchId,
      organizationId: batch.organizationId,
      seq: batch.version + 1,
      kind: 'BATCH_DELETED',
      data: {},
      at: services.clock.now(),
    } as const;
    await insertEvent(scope, tx, event, services.settings);
  });
}
