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
  { db, hub }: Pick<Services, 'db' | 'hub'>,
  scope: Scope,
  batchId: string,
  after: FramePlace,
): Promise<Stream<ItemsFrame>> {
  const batch = await db.read((q) => findBatch(scope, q, batchId));
  if (batch === null) throw new NotFoundError('batch', batchId);
  return followed(hub, { batchId }, (follower) => framesOf(db, scope, { batchId, after }, follower));
}

async function* framesOf(
  db: Services['db'],
  scope: Scope,
  { batchId, after }: { batchId: string; after: FramePlace },
  follower: Follower,
): AsyncGenerator<ItemsFrame, void, undefined> {
  let place = after;
  for (;;) {
    // The state is read first: results that come after it can only make the next round shorter.
    const batch = await db.read((q) => findBatch(scope, q, batchId));
    if (batch === null) return;
    const items = await db.read((q) => finishedItems(scope, q, batchId, place, frameItemsMax));
    const last = items.at(-1);
    if (last !== undefined) {
      place = { seq: last.seq, position: last.position };
      yield { batchId, items, after: place };
    }
    if (items.length === frameItemsMax) continue;
    if (isTerminalBatch(batch.status)) return;
    if ((await follower.next()) === 'closed') return;
  }
}
