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
  const edges = (forward ? shown : shown.toReversed()).map((node) => new Edge(node, cursorOf));
  return {
    edges,
    pageInfo: {
      hasNextPage: forward ? more : window.before !== null,
      hasPreviousPage: forward ? window.after !== null : more,
      get startCursor() {
        return edges[0]?.cursor ?? null;
      },
      get endCursor() {
        return edges.at(-1)?.cursor ?? null;
      },
    },
    totalCount,
  };
}

/** A row at its place. Most who ask for nodes ask for no cursor of each, which is made for those who do. */
class Edge<Row> {
  readonly node: Row;
  readonly #cursorOf: (row: Row) => string;

  constructor(node: Row, cursorOf: (row: Row) => string) {
    this.node = node;
    this.#cursorOf = cursorOf;
  }

  get cursor(): string {
    return this.#cursorOf(this.node);
  }
}

/** The columns of its rows that a connection is asked for; null for all of them. */
export type Asked<Row> = readonly (keyof Row & string)[] | null;

/** The same with those that the connection itself looks at. */
export const withOwn = <Row>(columns: Asked<Row>, ...own: (keyof Row & string)[]): Asked<Row> =>
  columns === null ? null : [...own, ...columns];
