/**
 * One batch, followed. What a subscriber receives is contiguous (each change covers `fromSeq..seq`, and the next
 * begins after it), never overlaps, and ends with the newest state. Whoever does not read for a while receives
 * one change over a longer range: nothing is queued, the database is read when the subscriber asks.
 */
import { findBatch } from '../db/queries/batches.ts';
import { deletionsAmong } from '../db/queries/events.ts';
import type { Scope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import type { BatchChanged } from './batch-changes.ts';
import { stepped } from './stepped.ts';
import type { Stream } from './stream.ts';

type Parts = Pick<Services, 'db' | 'hub' | 'readings'>;

/**
 * The changes of a batch after number `after`; with null, a snapshot first. Ends after the terminal event and
 * after a deletion. Throws `NotFoundError` where the scope has no such batch, unless `after` shows that the
 * subscriber knew it and its deletion can still be told.
 */
export async function followBatch(
  { db, hub, readings }: Parts,
  scope: Scope,
  batchId: string,
  after: number | null,
): Promise<Stream<BatchChanged>> {
  if ((await db.read((q) => findBatch(scope, q, batchId))) === null) {
    const known = after === null ? [] : await db.read((q) => deletionsAmong(scope, q, [batchId]));
    if (known.length === 0) throw new NotFoundError('batch', batchId);
  }
  return stepped(hub, { batchId }, { after }, (place) => readings.batch({ scope, batchId, ...place }));
}
