/** The emulated vendor's list of batches: newest first, in pages, forwards by `after_id` and back by `before_id`. */
import type { WrittenLife } from '../emulator/life.ts';
import { Refusal } from './emulator-refusal.ts';

/** One page of batches, and whether more stand behind it in the direction that was asked for. */
export interface BatchPage {
  readonly batches: readonly WrittenLife[];
  readonly hasMore: boolean;
}

/** The page that a query asks for; throws the vendor's refusal of a bad one. */
export function pageOf(
  newestFirst: readonly WrittenLife[],
  query: URLSearchParams,
  limitMax: number,
): BatchPage {
  const limit = readLimit(query.get('limit'), limitMax);
  const [afterId, beforeId] = [query.get('after_id'), query.get('before_id')];
  if (afterId !== null && beforeId !== null) throw invalid('after_id and before_id exclude each other');
  if (beforeId !== null) {
    const newer = newestFirst.slice(0, indexOf(newestFirst, beforeId));
    return { batches: newer.slice(-limit), hasMore: newer.length > limit };
  }
  const older = afterId === null ? newestFirst : newestFirst.slice(indexOf(newestFirst, afterId) + 1);
  return { batches: older.slice(0, limit), hasMore: older.length > limit };
}

const limitDefault = 20;

const readLimit = (text: string | null, limitMax: number): number => {
  const limit = text === null ? limitDefault : Number(text);
  if (!Number.isInteger(limit) || limit < 1)
    throw invalid('limit: Input should be greater than or equal to 1');
  if (limit > limitMax) throw invalid(`limit: Input should be less than or equal to ${limitMax}`);
  return limit;
};

const indexOf = (batches: readonly WrittenLife[], id: string): number => {
  const index = batches.findIndex((batch) => batch.id === id);
  if (index === -1) throw invalid('The cursor is no batch of this workspace.');
  return index;
};

const invalid = (message: string): Refusal => new Refusal('invalid_request_error', message);
