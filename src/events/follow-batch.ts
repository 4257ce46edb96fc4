/**
 * One batch, followed. What a subscriber receives is contiguous (each change covers `fromSeq..seq`, and the next
 * begins after it), never overlaps, and ends with the newest state. Whoever does not read for a while receives
 * one change over a longer range: nothing is queued, the database is read when the subscriber asks, for all at once
 * who ask for the same.
 */
import { findBatch } from '../db/queries/batches.ts';
import { type BatchSince, batchesSince, deletionsAmong } from '../db/queries/events.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { EventRow } from '../db/tables/events.ts';
import type { EventKind } from '../domain/event.ts';
import type { Scope } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import { gathered, ofEachOrganization, ownerOf } from './gathering.ts';
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

/** Whose batch is asked about, and from where on. */
export interface BatchWanted {
  readonly scope: Scope;
  readonly batchId: string;
  /** The number of the newest change that is known; null for nothing yet. */
  readonly after: number | null;
}

/** What a follower is to be told, and where it stands then. */
export interface BatchReading {
  /** Null where there is nothing new. */
  readonly change: BatchChanged | null;
  /** The number to ask after next time; null where nothing more can come. */
  readonly next: number | null;
}

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
  return followed(hub, { batchId }, (follower) => changesOf(readings, { scope, batchId, after }, follower));
}

async function* changesOf(
  readings: Services['readings'],
  wanted: BatchWanted,
  follower: Follower,
): AsyncGenerator<BatchChanged, void, undefined> {
  let { after } = wanted;
  do {
    const { change, next } = await readings.batch({ ...wanted, after });
    if (change !== null) yield change;
    if (next === null) return;
    after = next;
  } while ((await follower.next()) === 'moved');
}

/** Reads for all who follow batches: those at the same number of the same batch are told the same. */
export const batchReadings = (db: Services['db']) =>
  gathered(
    ({ scope, batchId, after }: BatchWanted) => `${ownerOf(scope)} ${batchId} ${after}`,
    ofEachOrganization((scope, wanted: readonly BatchWanted[]) => readBatches(db, scope, wanted)),
  );

async function readBatches(
  db: Services['db'],
  scope: Scope,
  wanted: readonly BatchWanted[],
): Promise<BatchReading[]> {
  const places = wanted.map(({ batchId, after }) => ({ batchId, after: after ?? 0 }));
  const found = await whatHappened(db, scope, places);
  return wanted.map(({ after }, at) => {
    const { row, deletion } = found[at] ?? nothing;
    return row === null ? readingOfGone(after, deletion) : readingOf(after, row);
  });
}

function readingOf(after: number | null, row: BatchSince): BatchReading {
  const { batch, oldest } = row;
  const next = isTerminalBatch(batch.status) ? null : batch.version;
  if (after === null) return { change: freshStart(batch, false), next };
  if (after === batch.version) return { change: null, next };
  return { change: oldest === after + 1 ? changeAfter(row) : freshStart(batch, true), next };
}

const readingOfGone = (after: number | null, deletion: EventRow | null): BatchReading => ({
  change: deletion === null || deletion.seq === after ? null : changeOfDeletion(deletion, after ?? 0),
  next: null,
});

/** A batch and what happened to it, or its deletion; neither where it never was, or its end is forgotten. */
export interface Happened {
  readonly row: BatchSince | null;
  readonly deletion: EventRow | null;
}

const nothing: Happened = { row: null, deletion: null };

/** What happened to each of these batches after a number, in their order. */
export async function whatHappened(
  db: Services['db'],
  scope: Scope,
  places: readonly { batchId: string; after: number }[],
): Promise<Happened[]> {
  const found = await db.read((q) => batchesSince(scope, q, places));
  const rows = new Map(found.map((row) => [`${row.batch.id} ${row.after}`, row]));
  const rowOf = ({ batchId, after }: (typeof places)[number]) => rows.get(`${batchId} ${after}`) ?? null;
  const gone = places.filter((place) => rowOf(place) === null).map(({ batchId }) => batchId);
  const deletions = gone.length === 0 ? [] : await db.read((q) => deletionsAmong(scope, q, gone));
  const deletionOf = new Map(deletions.map((event) => [event.batchId, event]));
  return places.map((place) => ({ row: rowOf(place), deletion: deletionOf.get(place.batchId) ?? null }));
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
export const changeAfter = ({ batch, after, kinds, newest }: BatchSince): BatchChanged => ({
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
