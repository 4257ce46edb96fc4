/** The pages of the vendor's lists: a size that is cut to what is allowed, and a token that leads to the next one. */

/** One page, and the token of the next; null where it is the last. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextPageToken: string | null;
}

/** The page that the query asks for; null where its token is none of ours. */
export function pageOf<Item extends { readonly id: string }>(
  items: readonly Item[],
  query: URLSearchParams,
  { sizeDefault, sizeMax }: { sizeDefault: number; sizeMax: number },
): Page<Item> | null {
  const asked = Number(query.get('pageSize') || 0);
  if (!Number.isInteger(asked) || asked < 0) return null;
  const size = Math.min(asked === 0 ? sizeDefault : asked, sizeMax);
  const token = query.get('pageToken') ?? '';
  const before = token === '' ? -1 : items.findIndex(({ id }) => tokenOf(id) === token);
  if (token !== '' && before === -1) return null;
  const page = items.slice(before + 1, before + 1 + size);
  const last = page.at(-1);
  const more = before + 1 + size < items.length;
  return { items: page, nextPageToken: more && last !== undefined ? tokenOf(last.id) : null };
}

/** The token after the thing with that id. */
const tokenOf = (id: string): string => Buffer.from(`after:${id}`).toString('base64url');
