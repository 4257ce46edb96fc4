/**
 * Reading the vendor's list of jobs back to a moment. Newest first is what we ask for, and what saves reading the
 * rest, but nothing is missed where the list comes otherwise.
 */
import type { WireBatch, WirePage } from './wire.ts';

/**
 * Every job in the list that was created at `since` or later, or at a time that is not told. Jobs that are created
 * meanwhile push others onto the next page, so that one may come twice. `readPage` counts from 0.
 */
export async function* listedSince(
  readPage: (page: number) => Promise<WirePage>,
  since: Date,
): AsyncGenerator<WireBatch> {
  let seen = 0;
  for (let page = 0; ; page += 1) {
    const { data, total } = await readPage(page);
    for (const batch of data) {
      if (batch.created_at === null || batch.created_at >= since) yield batch;
    }
    seen += data.length;
    const last = data.at(-1);
    if (last === undefined || seen >= total) return;
    if (descends(data) && last.created_at !== null && last.created_at < since) return;
  }
}

/** Whether the page shows that the list comes newest first. */
const descends = (batches: readonly WireBatch[]): boolean => {
  const times = batches.map(({ created_at: at }) => at?.getTime() ?? Number.NaN);
  const steps = times.slice(1).map((time, index) => (times[index] ?? Number.NaN) - time);
  return steps.every((step) => step >= 0) && steps.some((step) => step > 0);
};
