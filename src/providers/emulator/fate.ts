/**
 * What becomes of an item and of its batch, as the items' own texts ask for it: a directive such as
 * `emulate:errored` anywhere in a body makes the emulator fail there, so that people can try failures in the
 * sandbox. Pure. How a fate looks on the wire is left to the vendors' emulators.
 */

/**
 * What can be asked for one item:
 * - `errored`: refused for good (400), `overloaded`: failed in a way that may pass, `expired`: its time ran out;
 * - `missing`: no result line, `doubled`: its line twice, `malformed`: its line torn in the middle,
 *   `foreign`: beside its line one whose key is nobody's. These four count as succeeded.
 */
export const itemDirectives = [
  'errored',
  'overloaded',
  'expired',
  'missing',
  'doubled',
  'malformed',
  'foreign',
] as const;
/** What becomes of one item, had the batch all the time it needs. */
export type ItemFate = 'succeeded' | (typeof itemDirectives)[number];

/**
 * What can be asked for the whole batch, in any of its items:
 * - `job-failed`: it fails while being validated;
 * - `job-expired`: its time runs out when half of the items are done;
 * - `unknown-status`: while it runs, its status is a word that nobody knows;
 * - `stuck`: it stops half-way and never leaves running.
 */
export const batchDirectives = ['job-failed', 'job-expired', 'unknown-status', 'stuck'] as const;
/** What an item can ask for its whole batch. */
export type BatchDirective = (typeof batchDirectives)[number];

/** All fates of a batch, as plain JSON: written once, when the batch is created. */
export interface BatchFates {
  /** Fates by position (from 0) of the items that do not simply succeed. */
  readonly items: Readonly<Record<string, ItemFate>>;
  readonly batch: readonly BatchDirective[];
}

/** Reads the fates out of the items' texts, given in order of position. */
export function readFates(texts: Iterable<string>): BatchFates {
  const items: Record<string, ItemFate> = {};
  const batch = new Set<BatchDirective>();
  let position = 0;
  for (const text of texts) {
    for (const word of text.includes('emulate:') ? directives(text) : []) {
      if (isItemDirective(word)) items[position] ??= word;
      if (isBatchDirective(word)) batch.add(word);
    }
    position += 1;
  }
  return { items, batch: [...batch] };
}

/** The fate of the item at a position. */
export const itemFate = (fates: BatchFates, position: number): ItemFate =>
  fates.items[position] ?? 'succeeded';

const directives = (text: string): string[] =>
  Array.from(text.matchAll(/emulate:([a-z]+(?:-[a-z]+)*)/g), (match) => match[1] ?? '');

const isItemDirective = (word: string): word is (typeof itemDirectives)[number] =>
  itemDirectives.some((directive) => directive === word);

const isBatchDirective = (word: string): word is BatchDirective =>
  batchDirectives.some((directive) => directive === word);
