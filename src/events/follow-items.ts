/**
 * The items of one batch as they finish, in frames of up to a thousand, read from the results when the
 * subscriber asks for the next frame. A cursor names the last result of a frame; a subscriber that resumes after
 * it misses none and sees none twice, because results are numbered under the batch's row lock.
 */
import { findBatch } from '../db/queries/batches.ts';
import type { Scope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import type { FramePlace, ItemsFrame } from './finished-items.ts';
import { stepped } from './stepped.ts';
import type { Stream } from './stream.ts';

/**
 * The frames of a batch after a place. Ends when the batch is terminal and every result was handed out, or when
 * it is deleted. Throws `NotFoundError` where the scope has no such batch.
 */
export async function followFinishedItems(
  { db, hub, readings }: Pick<Services, 'db' | 'hub' | 'readings'>,
  scope: Scope,
  batchId: string,
  after: FramePlace,
): Promise<Stream<ItemsFrame>> {
  const batch = await db.read((q) => findBatch(scope, q, batchId));
  if (batch === null) throw new NotFoundError('batch', batchId);
  return stepped(hub, { batchId }, after, (place) => readings.frame({ scope, batchId, after: place }));
}
