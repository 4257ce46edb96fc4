/** Relay connections over keyset pages: one row more than asked for tells whether there is more. */
import type { PageWindow } from '../domain/page.ts';

/** A connection as the schema shows it. `totalCount` costs a statement only when it is asked for. */
export interface Connection<Row> {
  readonly edges: readonly { readonly cursor: string; readonly node: Row }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  readonly totalCount: () => Promise<number>;
}

/** The order in which a window reads a list whose own order is `order`. */
export const readingOrder = (
  window: PageWindow,
  order: 'ascending' | 'descending',
): 'ascending' | 'descending' =>
  (window.direction === 'forward') === (order === 'ascending') ? 'ascending' : 'descending';

/** How many rows to read for a window: one more than it shows. */
export const readingLimit = (window: PageWindow): number => window.limit + 1;

/**
 * The connection over `rows`, which were read in the window's direction beyond its cursor. Whether something
 * lies on the side that was come from is told by the cursor alone.
 */
export function connectionOf<Row>(
  window: PageWindow,
  rows: readonly Row[],
  cursorOf: (row: Row) => string,
  totalCount: () => Promise<number>,
): Connection<Row> {
  const shown = rows.slice(0, window.limit);
  const more = rows.length > window.limit;
  const forward = window.direction === 'forward';
  const edges = (forward ? shown : shown.toReversed()).map((node) => ({ cursor: cursorOf(node), node }));
  return {
    edges,
    pageInfo: {
      hasNextPage: forward ? more : window.before !== null,
      hasPreviousPage: forward ? window.after !== null : more,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount,
  };
}
