/** What must wait while a file is on its way into a batch, because the positions from the total on are the file's. */
import type { Queryable } from '../db/client.ts';
import { hasOpenUpload } from '../db/queries/uploads.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { Scope } from '../domain/scope.ts';
import { BatchStateError } from '../errors.ts';

/** Throws `BatchStateError` while an upload is on its way into the locked batch. */
export async function refuseDuringUpload(scope: Scope, tx: Queryable, batch: BatchRow): Promise<void> {
  if (!(await hasOpenUpload(scope, tx, batch.id))) return;
  throw new BatchStateError(batch.status, 'An upload is on its way into the batch; wait until it is over.');
}
