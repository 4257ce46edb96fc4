/**
 * Brings a database to the shape that this version needs. Runs at every start, under an advisory lock, so that
 * any number of processes can start at once. Migrations only ever add: the processes of the version before may
 * still be running beside us (docs/decisions).
 */
import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator';
import { Logger, runMigrations as migrateQueue } from 'graphile-worker';
import postgres from 'postgres';
import { strippedError } from './errors.ts';

/** An arbitrary number that every version shares. */
const lockKey = 4_607_182;
const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url));
const silent = new Logger(() => () => undefined);

/** Applies what is missing: our tables, then the task queue's. Throws `DatabaseError`. */
export async function migrateDatabase(url: string): Promise<void> {
  const client = postgres(url, {
    max: 1,
    onnotice: () => undefined,
    connection: { application_name: 'batchql-migrate' },
  });
  try {
    await client`select pg_advisory_lock(${lockKey})`;
    await applyMigrations(drizzle(client), { migrationsFolder });
    await migrateQueue({ connectionString: url, logger: silent });
  } catch (error) {
    throw strippedError(error);
  } finally {
    await client.end({ timeout: 5 });
  }
}
