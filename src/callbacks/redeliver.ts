/** `redeliverCallback`: tells the callback URL of a batch's newest end again, now. */
import { lockBatch } from '../db/queries/batches.ts';
import { wakeNewestDelivery } from '../db/queries/deliveries.ts';
import { addTask } from '../db/queries/tasks.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { BatchStateError, NoCallbackError, NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import { deliverTask } from './announce.ts';

/**
 * The batch, its newest delivery due now: also one that was told or given up, with the id that it had. Throws
 * `NotFoundError`, `NoCallbackError` where nobody is to be told, and `BatchStateError` before the batch has ended.
 */
export async function redeliverCallback(
  { db, clock }: Services,
  scope: OrganizationScope,
  batchId: string,
): Promise<BatchRow> {
  return db.transaction(async (tx) => {
    const batch = await lockBatch(scope, tx, batchId);
    if (batch === null) throw new NotFoundError('batch', batchId);
    if (batch.callbackUrl === null) throw new NoCallbackError();
    if (!isTerminalBatch(batch.status)) {
      throw new BatchStateError(
        batch.status,
        'The batch has not ended yet; its callback is called when it does.',
      );
    }
    const id = await wakeNewestDelivery(scope, tx, batchId, clock.now());
    if (id === null) throw new Error('a batch that ended with a callback URL has a delivery');
    await addTask(tx, deliverTask, id);
    return batch;
  });
}
