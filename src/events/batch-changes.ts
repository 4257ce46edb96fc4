/**
 * The changes of batches, read for all who follow them: those who stand at the same number of the same batch are told
 * the very same object. What a change is, and when it is a fresh start, is decided here; who is told when is not.
 */
import type { Database } from '../db/client.ts';
import { type BatchSince, batchesSince, deletionsAmong } from '../db/queries/events.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { EventRow } from '../db/tables/events.ts';
import type { EventKind } from '../domain/event.ts';
import { type Scope, sightOf } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { gathered, ofEachSight } from './gathering.ts';
import type { Step } from './stepped.ts';

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

/** Where a follower stands: at the number of the newest change that it knows; null for nothing yet. */
interface BatchPlace {
  readonly after: number | null;
}

interface BatchWanted extends BatchPlace {
  readonly scope: Scope;
  readonly batchId: string;
}

type BatchStep = Step<BatchChanged, BatchPlace>;

/** Reads for all who follow batches: those at the same number of the same batch are told the same. */
export const batchReadings = (db: Database) =>
  gathered(
    ({ scope, batchId, after }: BatchWanted) => `${sightOf(scope)} ${batchId} ${after}`,
    ofEachSight((scope, wanted: readonly BatchWanted[]) => readBatches(db, scope, wanted)),
  );

async function readBatches(db: Database, scope: Scope, wanted: readonly BatchWanted[]): Promise<BatchStep[]> {
  const places = wanted.map(({ batchId, after }) => ({ batchId, after: after ?? 0 }));
  const found = await whatHappened(db, scope, places);
  return wanted.map(({ after }, at) => {
    const { row, deletion } = found[at] ?? nothing;
    return row === null ? stepOfGone(after, deletion) : stepOf(after, row);
  });
}

function stepOf(after: number | null, row: BatchSince): BatchStep {
  const { batch, oldest } = row;
  const next = isTerminalBatch(batch.status) ? null : { after: batch.version };
  if (after === null) return { events: [freshStart(batch, false)], next };
  if (after === batch.version) return { events: [], next };
  return { events: [oldest === after + 1 ? changeAfter(row) : freshStart(batch, true)], next };
}

const stepOfGone = (after: number | null, deletion: EventRow | null): BatchStep => ({
  events: deletion === null || deletion.seq === after ? [] : [changeOfDeletion(deletion, after ?? 0)],
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
  db: Database,
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
