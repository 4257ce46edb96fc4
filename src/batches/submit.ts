/** `submitBatch`: closes an open batch by hand. Its jobs are sent by the worker as soon as this commits. */
import { lockBatch } from '../db/queries/batches.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { BatchStateError, EmptyBatchError, NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import { closeBatch } from './close.ts';
import { refuseDuringUpload } from './open-upload.ts';

/**
 * The closed batch. One that was submitted before is answered as it is, so a second click sends nothing twice.
 * Throws `NotFoundError`, `EmptyBatchError`, `BatchStateError` for one that was cancelled while open or into which
 * an upload is on its way, and
 * `ValidationError` where the items cannot be split for the provider.
 */
export async function submitBatch(
  services: Services,
  scope: OrganizationScope,
  batchId: string,
): Promise<BatchRow> {
  return services.db.transaction(async (tx) => {
    const batch = await lockBatch(scope, tx, batchId);
    if (batch === null) throw new NotFoundError('batch', batchId);
    if (batch.closedAt !== null) {
      if (batch.status !== 'CANCELLED') return batch;
      throw new BatchStateError(batch.status, 'The batch was cancelled; it cannot be submitted any more.');
    }
    await refuseDuringUpload(scope, tx, batch);
    if (batch.total === 0) throw new EmptyBatchError();
    return closeBatch(services, scope, tx, batchId);
  });
}
