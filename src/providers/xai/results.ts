/**
 * Reading a batch's results, page by page, from the first finished item on. A cursor is the page that was being read
 * and how much of it was handed over. Which order they come in while the batch runs is the vendor's affair: what
 * finishes may stand before what was read, so a reading that went on from a cursor may have left some out.
 */
import { z } from 'zod';
import { ProviderFailure } from '../failure.ts';
import { chunkLines, type StreamLine } from '../jsonl.ts';
import type { ResultChunk } from '../provider.ts';
import type { Calls } from './calls.ts';
import { pagesOf } from './listing.ts';
import { readResultPage } from './wire.ts';

/**
 * The results after `cursor`. A cursor that is unreadable, or that the vendor does not take any more, reads from the
 * start. Results of a batch that the vendor no longer knows (404) have `expired`.
 */
export async function* readResults(
  calls: Calls,
  batchId: string,
  cursor: string | null,
  signal: AbortSignal,
): AsyncGenerator<ResultChunk> {
  let from = readCursor(cursor) ?? beginning;
  const ask = async (token: string | null): Promise<string> => {
    try {
      return await calls.results(batchId, token, signal);
    } catch (error) {
      if (token === null || token !== from.token || !isRefusal(error)) throw error;
      from = beginning;
      return calls.results(batchId, null, signal);
    }
  };
  const tokens: (string | null)[] = [];

  /** Each line with the number of its page and its place in it as one offset. */
  async function* lines(): AsyncGenerator<StreamLine> {
    for await (const { entries, askedBy } of pagesOf(ask, readResultPage, from.token)) {
      const page = tokens.length;
      tokens.push(page === 0 ? from.token : askedBy);
      for (const [index, text] of entries.entries()) {
        if (page === 0 && index < from.read) continue;
        yield { text, offset: page * pageSpan + index + 1 };
      }
    }
  }
  const cursorAt = (offset: number): string =>
    JSON.stringify({
      token: tokens[Math.floor((offset - 1) / pageSpan)] ?? null,
      read: ((offset - 1) % pageSpan) + 1,
    } satisfies Cursor);
  try {
    yield* chunkLines(lines(), cursorAt);
  } catch (error) {
    throw goneIfUnknown(error);
  }
}

/** More than any page has entries. */
const pageSpan = 1_000_000;

const cursorSchema = z.object({
  /** What the page is asked for by; null for the first one. */
  token: z.string().nullable(),
  read: z.number().int().nonnegative(),
});
type Cursor = z.infer<typeof cursorSchema>;

const beginning: Cursor = { token: null, read: 0 };

/** A cursor only skips, so that one which cannot be read is as good as none. */
const readCursor = (cursor: string | null): Cursor | null => {
  try {
    return cursorSchema.parse(JSON.parse(cursor ?? 'null'));
  } catch {
    return null;
  }
};

/** Whether the vendor does not take what it was asked by. */
const isRefusal = (error: unknown): boolean =>
  error instanceof ProviderFailure && (error.status === 400 || error.status === 422);

const goneIfUnknown = (error: unknown): unknown =>
  error instanceof ProviderFailure && error.status === 404 ? new ProviderFailure('expired', error) : error;
