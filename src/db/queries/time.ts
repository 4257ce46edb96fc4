/** What time it is at the database. */
import { sql } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';

/** The database's present time, to the millisecond, whenever the transaction began. */
export async function databaseTime(_worker: WorkerScope, db: Queryable): Promise<Date> {
  const { rows } = await db.execute<{ milliseconds: string }>(
    sql`select extract(epoch from clock_timestamp()) * 1000 as milliseconds`,
  );
  return new Date(Number(rows[0]?.milliseconds));
}
