/**
 * A database of its own for a test or a test file: a copy of the migrated template, made in a few dozen
 * milliseconds and dropped at the end.
 *
 * To look at what a test left behind, run it alone with `KEEP_DATABASES=1 npx vitest run <file>`: databases are
 * then named after the test, nothing is dropped, and the server's url is printed at the end.
 */
import { randomBytes } from 'node:crypto';
import postgres, { type Sql } from 'postgres';
import { expect, inject } from 'vitest';

/** A fresh database. */
export interface TestDatabase {
  readonly url: string;
  /** Removes it, ending whatever is still connected. */
  drop(): Promise<void>;
}

/** A new database with the current schema and no rows; or, on request, without anything in it. */
export async function createTestDatabase(
  content: 'migrated' | 'nothing' = 'migrated',
): Promise<TestDatabase> {
  const server = inject('postgres');
  const template = content === 'migrated' ? server.template : 'template0';
  const name = newName();
  // Version 14 copies files and knows no other way; where there is a choice, copying a small database through
  // the log takes up to ten times as long.
  const how = server.version === 14 ? '' : ' strategy file_copy';
  await asAdministrator(
    server.url,
    (sql) => sql`create database ${sql(name)} template ${sql(template)}${sql.unsafe(how)}`,
  );
  const url = new URL(server.url);
  url.pathname = name;
  return {
    url: url.href,
    drop: async () => {
      if (server.keep) return;
      await asAdministrator(server.url, (sql) => sql`drop database if exists ${sql(name)} with (force)`);
    },
  };
}

/** `test_<the test's title or its file>_<chance>`, as far as Postgres' 63 bytes go. */
function newName(): string {
  const { currentTestName, testPath } = expect.getState();
  const title = currentTestName ?? testPath?.replace(/^.*\//, '').replace(/\.test\.ts$/, '') ?? '';
  const readable = title.toLowerCase().replace(/[^a-z0-9]+/g, '_');
  return `test_${readable.slice(0, 40)}_${randomBytes(4).toString('hex')}`;
}

async function asAdministrator(url: string, work: (sql: Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined, fetch_types: false });
  try {
    await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
