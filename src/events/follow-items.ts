/**
 * The items of one batch as they finish, in frames of up to a thousand, read from the results when the
 * subscriber asks for the next frame. A cursor names the last result of a frame; a subscriber that resumes after
 * it misses none and sees none twice, because results are numbered under the batch's row lock.
 */
import { findBatch } from '../db/queries/batches.ts';
import { type FinishedItem, finishedItems } from '../db/queries/item-pages.ts';
import type { Scope } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import { gathered, ofEachOrganization, ownerOf } from './gathering.ts';
import type { Follower } from './hub.ts';
import { followed, type Stream } from './stream.ts';

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
  return followed(hub, { batchId }, (follower) => framesOf(readings, { scope, batchId, after }, follower));
}

async function* framesOf(
  readings: Services['readings'],
  wanted: FrameWanted,
  follower: Follower,
): AsyncGenerator<ItemsFrame, void, undefined> {
  let { after } = wanted;
  for (;;) {
    const { frame, more } = await readings.frame({ ...wanted, after });
    if (frame !== null) {
      after = frame.after;
      yield frame;
    }
    if (more === 'now') continue;
    if (more === 'never' || (await follower.next()) === 'closed') return;
  }
}

/** Whose batch is asked about, and from where on. */
interface FrameWanted {
  readonly scope: Scope;
  readonly batchId: string;
  readonly after: FramePlace;
}

/** A frame, null where nothing has finished; and whether there is more. */
interface FrameReading {
  readonly frame: ItemsFrame | null;
  readonly more: 'now' | 'later' | 'never';
}

/** Reads for all who follow items: those at the same place of the same batch get the same frame. */
export const frameReadings = (db: Services['db']) =>
  gathered(
    ({ scope, batchId, after }: FrameWanted) => `${ownerOf(scope)} ${batchId} ${after.seq} ${after.position}`,
    ofEachOrganization((scope, wanted: readonly FrameWanted[]) =>
      Promise.all(wanted.map((each) => readFrame(db, scope, each))),
    ),
  );

async function readFrame(
  db: Services['db'],
  scope: Scope,
  { batchId, after }: FrameWanted,
): Promise<FrameReading> {
  // The state is read first: results that come after it can only make the next round shorter.
  const batch = await db.read((q) => findBatch(scope, q, batchId));
  if (batch === null) return { frame: null, more: 'never' };
  const items = await db.read((q) => finishedItems(scope, q, batchId, after, frameItemsMax));
  const last = items.at(-1);
  return {
    frame: last === undefined ? null : { batchId, items, after: { seq: last.seq, position: last.position } },
    more: items.length === frameItemsMax ? 'now' : isTerminalBatch(batch.status) ? 'never' : 'later',
  };
}
