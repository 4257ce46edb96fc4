/** Pages of rows by creation time, ties broken by id: what stands beyond a cursor, and in which order. */
import { type Column, type SQL, sql } from 'drizzle-orm';

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
