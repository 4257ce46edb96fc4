/** Reading the vendor's lists from their first page to their last. */

import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type { WirePage } from './wire.ts';

/**
 * Every page, in order. A page that leads back to one that was read is `malformed`: the list would be read for ever,
 * or hide what stands behind it.
 */
export async function* pagesOf<Entry>(
  ask: (token: string | null) => Promise<string>,
  read: (json: string) => WirePage<Entry> | null,
  from: string | null = null,
): AsyncGenerator<WirePage<Entry> & { readonly askedBy: string | null }> {
  const seen = new Set<string | null>();
  let askedBy = from;
  for (;;) {
    seen.add(askedBy);
    const page = understood(read, await ask(askedBy));
    yield { ...page, askedBy };
    if (page.token === null) return;
    if (seen.has(page.token)) throw circular();
    askedBy = page.token;
  }
}

const circular = (): ProviderFailure =>
  new ProviderFailure('malformed', {
    code: 'circular_list',
    message: 'The provider answered a page that leads back to one that was read.',
  });
