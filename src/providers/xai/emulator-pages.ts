/** The emulated vendor's pages: so many entries after the one that a token names, and the token of the next page. */
import type { Switches } from './emulator-switches.ts';
import { invalid } from './emulator-wire.ts';

/** A page of entries, as it stands in an answer. */
export interface Page<Entry> {
  readonly entries: readonly Entry[];
  readonly pagination_token: string | null;
}

/** How pages are made of entries that stand in order. */
export interface Paging<Entry> {
  readonly limitDefault: number;
  /** What tells an entry's place. A token is the place of the last entry of the page before. */
  placeOf(entry: Entry): string;
  /** Whether the first place comes before the second. */
  isBefore(one: string, other: string): boolean;
}

const limitMax = 1_000;

/** The page that a query asks for; throws the vendor's refusal of a bad one. */
export function pageOf<Entry>(
  entries: readonly Entry[],
  query: URLSearchParams,
  { limitDefault, placeOf, isBefore }: Paging<Entry>,
  { lastToken }: Switches,
): Page<Entry> {
  const limit = readLimit(query.get('limit'), limitDefault);
  // An empty token asks for the first page, as none does.
  const token = query.get('pagination_token') || null;
  const after = token === null ? null : readToken(token);
  const start = after === null ? 0 : entries.findIndex((entry) => isBefore(after, placeOf(entry)));
  const page = start === -1 ? [] : entries.slice(start, start + limit);
  const last = page.at(-1);
  const hasMore = last !== undefined && start + limit < entries.length;
  const noToken = lastToken === 'empty' ? '' : null;
  return { entries: page, pagination_token: hasMore ? writeToken(placeOf(last)) : noToken };
}

/** Places that are numbers. */
export const byNumber = (one: string, other: string): boolean => Number(one) < Number(other);
/** Places that are words. */
export const byWord = (one: string, other: string): boolean => one < other;

const readLimit = (text: string | null, limitDefault: number): number => {
  const limit = text === null ? limitDefault : Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > limitMax)
    throw invalid(`limit must be between 1 and ${limitMax}`);
  return limit;
};

const mark = 'after:';
const writeToken = (place: string): string => Buffer.from(mark + place).toString('base64url');

const readToken = (token: string): string => {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (!text.startsWith(mark)) throw invalid('Invalid pagination token');
  return text.slice(mark.length);
};
