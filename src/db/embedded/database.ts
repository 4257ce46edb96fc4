/**
 * Short visits to the embedded server over SQL: its url, and the database that must exist in it. The service's
 * own connections are made elsewhere, from the url.
 */
import postgres, { type Sql } from 'postgres';
import { StartError } from '../../errors.ts';
import { hasCode } from './system-error.ts';

/**
 * The superuser's url of a database of the server on this port of 127.0.0.1. The name stands in it as it is:
 * of the drivers some decode it and some do not.
 */
export function serverUrl(port: number, password: string, database: string): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
}

/** What `work` gives on one connection, which is closed afterwards. */
export async function inDatabase<T>(url: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, ssl: false, fetch_types: false, connect_timeout: 10 });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/**
 * Creates the database if the server on this port has none of this name; two may do so at once. What the
 * server refuses is a `StartError`.
 */
export async function ensureDatabase(port: number, password: string, database: string): Promise<void> {
  const url = serverUrl(port, password, 'postgres');
  await inDatabase(url, (sql) => createUnlessThere(sql, database)).catch((error) => {
    throw new StartError(`The database "${database}" cannot be created: ${error.message}.`);
  });
}

async function createUnlessThere(sql: Sql, database: string): Promise<void> {
  const found = await sql`select 1 from pg_database where datname = ${database}`;
  if (found.count > 0) return;
  await sql`create database ${sql(database)}`.catch((error) => {
    // duplicate_database, or the unique_violation that two simultaneous creations can end in
    if (!hasCode(error, '42P04', '23505')) throw error;
  });
}
