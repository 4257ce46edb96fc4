/**
 * Reading one of the vendor's lists back to a moment. The vendor says of neither list in which order it comes;
 * newest first is what is seen, and what saves reading the rest, but nothing is missed where it is otherwise.
 */
import { ProviderFailure } from '../failure.ts';
import type { WirePage } from './wire.ts';

/** Something in a list. */
export interface Listed {
  readonly id: string;
  readonly created_at: Date | null;
}

/**
 * Everything in the list that was created at `since` or later, or at a time that is not told. `readPage` gets the
 * id after which the page begins; null for the first. A list that says it goes on, and leads nowhere or back to where
 * it was read, is `malformed`.
 */
export async function* listedSince<T extends Listed>(
  readPage: (after: string | null) => Promise<WirePage<T>>,
  since: Date,
): AsyncGenerator<T> {
  const seen = new Set<string>();
  let after: string | null = null;
  for (;;) {
    const page: WirePage<T> = await readPage(after);
    for (const entry of page.data) {
      if (entry.created_at === null || entry.created_at >= since) yield entry;
    }
    if (!page.has_more) return;
    const last = page.data.at(-1);
    if (last === undefined || seen.has(last.id)) throw unfinished();
    if (descends(page.data) && last.created_at !== null && last.created_at < since) return;
    seen.add(last.id);
    after = last.id;
  }
}

/** A list that is said to go on and cannot be followed proves nothing of what it does not show. */
export const unfinished = (): ProviderFailure =>
  new ProviderFailure('malformed', {
    code: 'unfinished_list',
    message: 'The provider showed a part of a list and no way to the rest.',
  });

/** Whether the page shows that the list comes newest first. */
const descends = (entries: readonly Listed[]): boolean => {
  const times = entries.map(({ created_at: at }) => at?.getTime() ?? Number.NaN);
  const steps = times.slice(1).map((time, index) => (times[index] ?? Number.NaN) - time);
  return steps.every((step) => step >= 0) && steps.some((step) => step > 0);
};
