/**
 * Rows of a table, read fast: for pages, which read hundreds of rows of tables that have many columns. What they show
 * is a few of these, so that only those are read that are asked for; and drizzle, which looks at each cell anew for what
 * kind of column it is of, is only asked to name them.
 */
import { Column, getTableColumns, getTableName, type SQL, sql, type Table } from 'drizzle-orm';
import { PgTimestamp } from 'drizzle-orm/pg-core';
import { momentIn } from '../domain/moment-text.ts';
import type { Queryable } from './client.ts';

/** The columns of a row to be read, by their names here; null for all of them. */
export type Columns<Of extends Table> = readonly (keyof Of['$inferSelect'] & string)[] | null;

/**
 * The rows of a statement that is made around its select list. What is not among the columns is `undefined` in them:
 * whoever names columns says by that what is looked at.
 */
export async function readRows<Of extends Table>(
  db: Queryable,
  table: Of,
  columns: Columns<Of>,
  statement: (selected: SQL) => SQL,
): Promise<Of['$inferSelect'][]> {
  const known = Object.entries(getTableColumns(table));
  const read = columns === null ? known : known.filter(([key]) => columns.includes(key));
  const name = getTableName(table);
  const selected = read.map(([key, column]) => `"${name}"."${column.name}" as "${key}"`);
  const { rows } = await db.execute(statement(sql.raw(selected.join(', '))));
  const decoded = read.filter(([, { mapFromDriverValue }]) => mapFromDriverValue !== asItComes);
  for (const [key, column] of decoded) {
    const isMoment = column instanceof PgTimestamp;
    for (const row of rows) {
      const value = row[key];
      if (value === null) continue;
      const moment = isMoment ? momentIn(String(value)) : null;
      row[key] = moment ?? column.mapFromDriverValue(value);
    }
  }
  return rows;
}

const asItComes = Column.prototype.mapFromDriverValue;
