/**
 * One batch, followed. What a subscriber receives is contiguous (each change covers `fromSeq..seq`, and the next
 * begins after it), never overlaps, and ends with the newest state. Whoever does not read for a while receives
 * one change over a longer range: nothing is queued, the database is read when the subscriber asks.
 */
import { findBatch } from '../db/queries/batches.ts';
import { type BatchSince, batchesSince, deletionsAmong } from '../db/queries/events.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { EventKind } from '../domain/event.ts';
import type { Scope } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import type { Follower } from './hub.ts';
import { followed, type Stream } from './stream.ts';

/** A change of a batch, or several as one. */
export interface BatchChanged {
  readonly batchId: string;
  readonly fromSeq: number;
  readonly seq: number;
  /** The kind of the newest event. */
  readonly kind: EventKind;
  /** Every kind in the range, in order of first appearance. */
  readonly kinds: readonly EventKind[];
  /** Whether events between the subscriber's number and this were no longer kept, so that this is a fresh start. */
  readonly resync: boolean;
  /** The batch as of `seq`; null once it is deleted. */
  readonly batch: BatchRow | null;
  readonly at: Date;
}

type Parts = Pick<Services, 'db' | 'hub'>;

/**
 * The changes of a batch after number `after`; with null, a snapshot first. Ends after the terminal event and
 * after a deletion. Throws `NotFoundError` where the scope has no such batch, unless `after` shows that the
 * subscriber knew it and its deletion can still be told.
 */
export async function followBatch(
  { db, hub }: Parts,
  scope: Scope,
  batchId: string,
  after: number | null,
): Promise<Stream<BatchChanged>> {
  if ((await db.read((q) => findBatch(scope, q, batchId))) === null) {
    const known = after === null ? [] : await db.read((q) => deletionsAmong(scope, q, [batchId]));
    if (known.length === 0) throw new NotFoundError('batch', batchId);
  }
  return followed(hub, { batchId }, (follower) => changesOf(db, scope, { batchId, after }, follower));
}

async function* changesOf(
  db: Services['db'],
  scope: Scope,
  { batchId, after }: { batchId: string; after: number | null },
  follower: Follower,
): AsyncGenerator<BatchChanged, void, undefined> {
  let last = after;
  for (;;) {
    const [now] = await db.read((q) => batchesSince(scope, q, [{ batchId, after: last ?? 0 }]));
    if (now === undefined) {
      const [deletion] = await db.read((q) => deletionsAmong(scope, q, [batchId]));
      if (deletion !== undefined && deletion.seq !== last) yield changeOfDeletion(deletion, last ?? 0);
      return;
    }
    const { batch, oldest } = now;
    if (last === null) yield freshStart(batch, false);
    else if (last > batch.version) yield freshStart(batch, true);
    else if (last < batch.version)
      yield oldest === last + 1 ? changeAfter(last, now) : freshStart(batch, true);
    last = batch.version;
    if (isTerminalBatch(batch.status)) return;
    if ((await follower.next()) === 'closed') return;
  }
}

/** The batch as it is, for somebody who has nothing that it could be added to. */
export const freshStart = (batch: BatchRow, resync: boolean): BatchChanged => ({
  batchId: batch.id,
  fromSeq: 1,
  seq: batch.version,
  kind: 'SNAPSHOT',
  kinds: ['SNAPSHOT'],
  resync,
  batch,
  at: batch.updatedAt,
});

/** What happened after the number that was asked about, as one change. */
export const changeAfter = (after: number, { batch, kinds, newest }: BatchSince): BatchChanged => ({
  batchId: batch.id,
  fromSeq: after + 1,
  seq: batch.version,
  kind: newest ?? 'SNAPSHOT',
  kinds,
  resync: false,
  batch,
  at: batch.updatedAt,
});

/** What is told of a batch that was deleted; afresh to somebody with a number that it never had. */
export const changeOfDeletion = (
  { batchId, seq, at }: { batchId: string; seq: number; at: Date },
  after: number,
): BatchChanged => ({
  batchId,
  fromSeq: after > seq ? 1 : after + 1,
  seq,
  kind: 'BATCH_DELETED',
  kinds: ['BATCH_DELETED'],
  resync: after > seq,
  batch: null,
  at,
});
