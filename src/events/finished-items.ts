/**
 * The items of batches as they finish, read in frames for all who follow them: those at the same place of the same batch
 * get the very same frame.
 */
import type { Database } from '../db/client.ts';
import { findBatch } from '../db/queries/batches.ts';
import { type FinishedItem, finishedItems } from '../db/queries/item-pages.ts';
import { type Scope, sightOf } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { gathered, ofEachSight } from './gathering.ts';
import type { Step } from './stepped.ts';

/** Items that finished, oldest first. */
export interface ItemsFrame {
  readonly batchId: string;
  readonly items: readonly FinishedItem[];
  /** Where the next frame goes on. */
  readonly after: FramePlace;
}

/** A place in the order in which results were committed. */
export interface FramePlace {
  readonly seq: number;
  readonly position: number;
}

/** Before the first result. */
export const firstPlace: FramePlace = { seq: 0, position: -1 };

const frameItemsMax = 1000;

interface FrameWanted {
  readonly scope: Scope;
  readonly batchId: string;
  readonly after: FramePlace;
}

/** Reads for all who follow items: those at the same place of the same batch get the same frame. */
export const frameReadings = (db: Database) =>
  gathered(
    ({ scope, batchId, after }: FrameWanted) => `${sightOf(scope)} ${batchId} ${after.seq} ${after.position}`,
    ofEachSight((scope, wanted: readonly FrameWanted[]) =>
      Promise.all(wanted.map((each) => readFrame(db, scope, each))),
    ),
  );

async function readFrame(
  db: Database,
  scope: Scope,
  { batchId, after }: FrameWanted,
): Promise<Step<ItemsFrame, FramePlace>> {
  // The state is read first: results that come after it can only make the next round shorter.
  const batch = await db.read((q) => findBatch(scope, q, batchId));
  if (batch === null) return { events: [], next: null };
  const items = await db.read((q) => finishedItems(scope, q, batchId, after, frameItemsMax));
  const last = items.at(-1);
  const place = last === undefined ? after : { seq: last.seq, position: last.position };
  const isMoreThere = items.length === frameItemsMax;
  return {
    events: last === undefined ? [] : [{ batchId, items, after: place }],
    next: isTerminalBatch(batch.status) && !isMoreThere ? null : place,
    isMoreThere,
  };
}
