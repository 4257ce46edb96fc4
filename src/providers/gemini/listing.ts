/**
 * Reading the vendor's list of jobs back to a moment. It comes newest first as far as anybody has seen, which saves
 * reading the rest; nothing is missed where it comes otherwise.
 */
import { ProviderFailure } from '../failure.ts';
import type { WireOperation, WirePage } from './wire.ts';

/** Reads one page; null in `token` is the first. */
export type ReadPage = (token: string | null) => Promise<WirePage>;

/**
 * Every job in the list that was created at `since` or later, or at a time that is not told. Jobs that are created
 * meanwhile push others onto the next page, so that one may come twice.
 */
export async function* listedSince(readPage: ReadPage, since: Date): AsyncGenerator<WireOperation> {
  const seen = new Set<string>();
  let token: string | null = null;
  do {
    const { operations, nextPageToken }: WirePage = await believed(readPage, token);
    for (const operation of operations) {
      const { createTime } = operation.metadata;
      if (createTime === null || createTime >= since) yield operation;
    }
    const last = operations.at(-1)?.metadata.createTime ?? null;
    if (descends(operations) && last !== null && last < since) return;
    token = nextPageToken;
    if (token !== null && seen.has(token)) throw circular();
    if (token !== null) seen.add(token);
  } while (token !== null);
}

/**
 * The page. One that is empty the vendor writes as `{}`, which is also what half of the wrong answers look like; that
 * there is no job costs a second one if it is wrong, so it has to be said twice.
 */
const believed = async (readPage: ReadPage, token: string | null): Promise<WirePage> => {
  const page = await readPage(token);
  if (!isBare(page) || isBare(await readPage(token))) return page;
  throw new ProviderFailure('malformed', {
    code: 'contradictory_list',
    message: 'The provider listed no jobs, and then some.',
  });
};

const isBare = ({ operations, nextPageToken }: WirePage): boolean =>
  operations.length === 0 && nextPageToken === null;

const circular = (): ProviderFailure =>
  new ProviderFailure('malformed', {
    code: 'circular_list',
    message: 'The pages of the list of jobs have no end.',
  });

/** Whether the page shows that the list comes newest first. */
const descends = (operations: readonly WireOperation[]): boolean => {
  const times = operations.map(({ metadata }) => metadata.createTime?.getTime() ?? Number.NaN);
  const steps = times.slice(1).map((time, index) => (times[index] ?? Number.NaN) - time);
  return steps.every((step) => step >= 0) && steps.some((step) => step > 0);
};
