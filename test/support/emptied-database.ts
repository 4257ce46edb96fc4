/**
 * Databases that are used one after the other by tests that need very many: emptied instead of dropped and made anew,
 * because making one takes Postgres two checkpoints and leaves it without its caches.
 */
import { sql } from 'drizzle-orm';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

/** A database without a row but those of its migrations. */
export interface EmptiedDatabase {
  readonly url: string;
  /** A connection of the test's own, which stays from one use to the next. */
  readonly db: Database;
  /** Empties it for the next. Nobody else may be connected any more who still writes. */
  giveBack(): Promise<void>;
}

const all: { database: TestDatabase; db: Database }[] = [];
const free: EmptiedDatabase[] = [];

/** One that nobody uses. */
export async function takeDatabase(): Promise<EmptiedDatabase> {
  return free.pop() ?? (await makeDatabase());
}

/** Drops them all. */
export async function dropDatabases(): Promise<void> {
  free.length = 0;
  for (const { database, db } of all.splice(0)) {
    await db.close();
    await database.drop();
  }
}

async function makeDatabase(): Promise<EmptiedDatabase> {
  const database = await createTestDatabase();
  const db = openDatabase({ url: database.url, connectionsMax: 1 });
  all.push({ database, db });
  const emptied: EmptiedDatabase = {
    url: database.url,
    db,
    async giveBack() {
      await db.transaction((tx) => tx.execute(emptying));
      free.push(emptied);
    },
  };
  return emptied;
}

/** Deletes every row of ours and of the queue. Foreign keys would ask for an order, and are not looked at. */
const emptying = sql`
  set local session_replication_role = replica;
  do $$ declare name text; begin
    for name in
      select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'graphile_worker') and c.relkind in ('r', 'p') and not c.relispartition
        and c.relname not like '%migrations'
    loop execute 'delete from ' || name; end loop;
  end $$`;
