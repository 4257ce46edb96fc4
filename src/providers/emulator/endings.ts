/**
 * What came out of an emulated batch, item by item: the fates joined with how far the batch came. Pure.
 *
 * Owned here: which item ends how, the counts, and the tricks played with lines (missing, doubled, torn,
 * foreign). Left to the vendors' emulators: what a line looks like.
 */
import { itemFate } from './fate.ts';
import { finishOrder, lifeAt, type WrittenLife } from './life.ts';

/** How one item ended: `errored` for good, `overloaded` for a while. */
export type Ending = 'succeeded' | 'errored' | 'overloaded' | 'expired' | 'cancelled';

/** What is done with an item's line before it is sent. */
export type LineTrick = 'none' | 'missing' | 'doubled' | 'malformed' | 'foreign';

/** One item that is over. */
export interface EndedItem {
  /** From 0, in the order in which the items were given. */
  readonly position: number;
  readonly ending: Ending;
  readonly trick: LineTrick;
}

/** How many items ended how; `pending` are those that have not. They sum to the batch's items. */
export type Tally = Record<Ending | 'pending', number>;

/**
 * The items that are over at `now`, in the order in which they finished. Once the batch is over these are all
 * of them: what had no turn is `expired` or `cancelled`, as the batch is.
 */
export function* endedItems(batch: WrittenLife, now: Date): Generator<EndedItem> {
  const { phase, finished } = lifeAt(batch, now);
  const rest = phase === 'expired' || phase === 'cancelled' ? phase : null;
  const order = finishOrder(batch);
  for (const [rank, position] of order.entries()) {
    if (rank < finished) yield { position, ...endings[itemFate(batch.fates, position)] };
    else if (rest === null) return;
    else yield { position, ending: rest, trick: 'none' };
  }
}

/** The counts at `now`. */
export function tally(batch: WrittenLife, now: Date): Tally {
  const { phase, finished } = lifeAt(batch, now);
  const pending = batch.requestCount - finished;
  const counts: Tally = { succeeded: 0, errored: 0, overloaded: 0, expired: 0, cancelled: 0, pending: 0 };
  counts[phase === 'expired' || phase === 'cancelled' ? phase : 'pending'] += pending;
  counts.succeeded += finished;
  const special = Object.keys(batch.fates.items).length;
  // Usually nothing is special, and counting needs no order.
  for (const [rank, position] of special === 0 ? [] : finishOrder(batch).entries()) {
    if (rank >= finished) break;
    counts.succeeded -= 1;
    counts[endings[itemFate(batch.fates, position)].ending] += 1;
  }
  return counts;
}

/** A key that no batch was ever given. */
export const foreignKey = 'nobodys-key';

/**
 * Lines for the items, each with its newline, with the tricks played. `write` gives one item's line without a
 * newline; a `key` that is not null stands in for the item's own.
 */
export function* writeLines(
  items: Iterable<EndedItem>,
  write: (item: EndedItem, key: string | null) => string,
): Generator<string> {
  for (const item of items) yield* tricks[item.trick]((key) => `${write(item, key)}\n`);
}

const endings = {
  succeeded: { ending: 'succeeded', trick: 'none' },
  errored: { ending: 'errored', trick: 'none' },
  overloaded: { ending: 'overloaded', trick: 'none' },
  expired: { ending: 'expired', trick: 'none' },
  missing: { ending: 'succeeded', trick: 'missing' },
  doubled: { ending: 'succeeded', trick: 'doubled' },
  malformed: { ending: 'succeeded', trick: 'malformed' },
  foreign: { ending: 'succeeded', trick: 'foreign' },
} as const satisfies Record<ReturnType<typeof itemFate>, Pick<EndedItem, 'ending' | 'trick'>>;

const tricks = {
  none: (line) => [line(null)],
  missing: () => [],
  doubled: (line) => [line(null), line(null)],
  malformed: (line) => [`${line(null).slice(0, Math.floor(line(null).length / 2))}\n`],
  foreign: (line) => [line(null), line(foreignKey)],
} as const satisfies Record<LineTrick, (line: (key: string | null) => string) => string[]>;
