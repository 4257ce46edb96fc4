/**
 * Pages of rows by creation time, ties broken by id: what stands beyond a cursor, and in which order. A page of some
 * states or providers reads about as many rows as it shows, however deep it lies: each combination of them is a stretch
 * of an index that is in the right order already, so that the page is among the first rows of each.
 */
import { and, type Column, inArray, type SQL, sql, type Table } from 'drizzle-orm';

/** Where a page starts and which way it goes. */
export interface CreationPage {
  readonly limit: number;
  readonly order: 'ascending' | 'descending';
  /** The last row of the page before, left out. */
  readonly beyond: { readonly createdAt: string; readonly id: string } | null;
}

/** What pages are ordered by. */
interface CreationColumns {
  readonly createdAt: Column | SQL;
  readonly id: Column | SQL;
}

/** The rows of a table that a page may show; all of them where it is the first. */
export function beyondCursor(
  { createdAt, id }: CreationColumns,
  { order, beyond }: CreationPage,
): SQL | undefined {
  if (beyond === null) return undefined;
  const compare = order === 'ascending' ? sql`>` : sql`<`;
  return sql`(${createdAt}, ${id}) ${compare} (${beyond.createdAt}::timestamptz, ${beyond.id}::uuid)`;
}

/** Their order. */
export function byCreation({ createdAt, id }: CreationColumns, { order }: CreationPage): SQL {
  const direction = order === 'ascending' ? sql`asc` : sql`desc`;
  return sql`${createdAt} ${direction}, ${id} ${direction}`;
}

/** Which states and providers a page shows; all where left out. */
export interface StretchFilter<Status extends string> {
  readonly status?: readonly Status[] | null | undefined;
  readonly provider?: readonly string[] | null | undefined;
}

/** The condition that a row is of these states and providers; undefined where they do not matter. */
export const ofStretches = <Status extends string>(
  { status, provider }: StretchColumns,
  filter: StretchFilter<Status>,
): SQL | undefined =>
  and(
    filter.status ? inArray(status, [...filter.status]) : undefined,
    filter.provider ? inArray(provider, [...filter.provider]) : undefined,
  );

/**
 * Narrows `wanted` to the rows of a page, read stretch by stretch; as it is where the filter names neither states nor
 * providers. `table` has an index of (organization, status, created_at, id), and one with the provider before the status.
 */
export function pageInStretches<Status extends string>(
  table: Table & StretchColumns,
  filter: StretchFilter<Status> & { readonly all: readonly Status[] },
  wanted: SQL | undefined,
  page: CreationPage,
): SQL | undefined {
  const { status, provider, all } = filter;
  if (!status && !provider) return wanted;
  const states = sql`unnest(${sql.param([...new Set(status ?? all)])}::text[]) as s(status)`;
  const rows = provider
    ? sql`unnest(${sql.param([...new Set(provider)])}::text[]) as p(provider) cross join ${states}`
    : states;
  const ofStretch = and(
    sql`${table.status} = s.status`,
    provider ? sql`${table.provider} = p.provider` : undefined,
  );
  return sql`${table.id} in (select x.id from ${rows} cross join lateral (
      select id, created_at from ${table} where ${and(wanted, ofStretch)}
      order by ${byCreation(table, page)} limit ${page.limit}) x
    order by ${byCreation({ createdAt: sql`x.created_at`, id: sql`x.id` }, page)} limit ${page.limit})`;
}

/** What tells stretches apart. */
interface StretchColumns {
  readonly id: Column;
  readonly createdAt: Column;
  readonly status: Column;
  readonly provider: Column;
}
