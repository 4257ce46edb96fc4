/**
 * Removes the bodies of a batch's requests and results once they were kept long enough. First it is said, and from that
 * commit on nobody reads any of them; then they are removed piece by piece, in transactions so small that they hold
 * nobody up, and a crash goes on where the last one came to. States, counts, tokens, costs and codes of errors stay.
 */
import type { Queryable } from '../db/client.ts';
import { lockBatchUnlessBusy } from '../db/queries/batches.ts';
import { endOfPiece, moveRemoval, removeBodies, removeStrayLines } from '../db/queries/removals.ts';
import { endedAt, keptSince } from '../domain/retention.ts';
import { workerScope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import { transition } from './transition.ts';

/** What one transaction removes at the most, so that it takes a moment whatever stands in the bodies. */
const piece = { rows: 2000, bytes: 32 * 1024 * 1024 } as const;

/**
 * Removes the batch's bodies where their time has come, or goes on with it; else does nothing. Stops between two pieces
 * when it is told to, or where somebody else has the batch, who may be doing the same: the sweep finds what is left.
 */
export async function removeResults(services: Services, batchId: string, stop: AbortSignal): Promise<void> {
  if (!(await beginRemoval(services, batchId))) return;
  while (!stop.aborted && (await services.db.transaction((tx) => removePiece(tx, batchId))));
}

/** Whether the removal has begun, now or before. */
async function beginRemoval(services: Services, batchId: string): Promise<boolean> {
  try {
    const batch = await services.db.transaction((tx) =>
      transition(services, workerScope, tx, batchId, ({ batch, now }) => {
        const at = endedAt(batch);
        const since = keptSince(now, services.settings.resultRetentionDays);
        if (batch.resultsRemovedAt !== null || at === null || since === null || at > since) return null;
        return { event: 'RESULTS_REMOVED', batch: { resultsRemovedAt: now, removalPosition: 0 } };
      }),
    );
    return batch.removalPosition !== null;
  } catch (error) {
    if (error instanceof NotFoundError) return false;
    throw error;
  }
}

/** Removes the next piece; whether there is more to do, and nobody else is doing it. */
async function removePiece(tx: Queryable, batchId: string): Promise<boolean> {
  const batch = await lockBatchUnlessBusy(workerScope, tx, batchId);
  const from = batch?.removalPosition ?? null;
  if (from === null) return false;
  const end = await endOfPiece(workerScope, tx, batchId, { ...piece, from });
  if (end !== null) {
    await removeBodies(workerScope, tx, batchId, { from, end });
    await moveRemoval(workerScope, tx, batchId, end);
    return true;
  }
  if ((await removeStrayLines(workerScope, tx, batchId, piece.rows)) === piece.rows) return true;
  await moveRemoval(workerScope, tx, batchId, null);
  return false;
}
