/** What a lost connection to the database does: the work on it fails, and nothing else. */
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { DatabaseError } from '../../src/db/errors.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startProxy } from '../support/proxy.ts';

let database: TestDatabase;
let db: Database;
beforeEach(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, connectionsMax: 1 });
});
afterEach(async () => {
  await db.close();
  await database.drop();
});

const cut = sql`select pg_terminate_backend(pg_backend_pid())`;
const one = sql`select 1 as one`;

describe.each(['read', 'transaction'] as const)('a connection that is cut in a %s', (way) => {
  it('fails that work with a DatabaseError, and the next finds a new connection', async () => {
    await expect(db[way]((q) => q.execute(cut))).rejects.toBeInstanceOf(DatabaseError);
    await expect(db[way]((q) => q.execute(one))).resolves.toMatchObject({ rows: [{ one: 1 }] });
  });
});

it('a transaction whose connection is cut in the middle commits nothing, not even through the next one', async () => {
  await db.transaction((tx) => tx.execute(sql`create table seen (what text)`));
  const broken = db.transaction(async (tx) => {
    await tx.execute(sql`insert into seen values ('before the cut')`);
    await tx.execute(cut).catch(() => undefined);
    await tx.execute(sql`insert into seen values ('after the cut')`);
  });
  await expect(broken).rejects.toThrow();
  await db.transaction((tx) => tx.execute(sql`insert into seen values ('next')`));
  const { rows } = await db.read((q) => q.execute(sql`select what from seen`));
  expect(rows).toEqual([{ what: 'next' }]);
});

it('work that fails rolls back and gives its connection back in order', async () => {
  await db.transaction((tx) => tx.execute(sql`create table seen (what text)`));
  const failed = db.transaction(async (tx) => {
    await tx.execute(sql`insert into seen values ('lost')`);
    throw new Error('changed my mind');
  });
  await expect(failed).rejects.toThrow('changed my mind');
  const { rows } = await db.read((q) => q.execute(sql`select count(*)::int as kept from seen`));
  expect(rows).toEqual([{ kept: 0 }]);
});

describe.each(['read', 'transaction'] as const)('a connection that falls silent in a %s', (way) => {
  it('fails that work when nobody has answered for long enough, and the next finds a new connection', async () => {
    const line = await startProxy(database.url);
    const silent = openDatabase({ url: line.url, connectionsMax: 1, answerSeconds: 0.3 });
    await silent[way]((q) => q.execute(one));
    line.freeze();
    await expect(silent[way]((q) => q.execute(one))).rejects.toMatchObject({
      name: 'DatabaseError',
      code: 'ANSWER_TIMEOUT',
    });
    await expect(silent[way]((q) => q.execute(one))).resolves.toMatchObject({ rows: [{ one: 1 }] });
    await silent.close();
    await line.close();
  });
});

it('a transaction that fell silent holds its locks no longer than the server waits for it', async () => {
  await db.transaction(async (tx) => {
    const { rows } = await tx.execute(
      sql`select current_setting('idle_in_transaction_session_timeout') as idle, current_setting('lock_timeout') as lock`,
    );
    expect(rows).toEqual([{ idle: '1min', lock: '30s' }]);
  });
});
