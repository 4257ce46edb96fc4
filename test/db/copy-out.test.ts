/** What is copied out: rows come as they are, however long, and a connection goes on after anything that happens. */
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { type CopiedRows, CopyMemory } from '../../src/db/copy-out.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, connectionsMax: 1 });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const memory = new CopyMemory();
const told = (rows: CopiedRows) =>
  Array.from({ length: rows.count }, (_, row) => {
    rows.goTo(row);
    return [rows.integer(0), rows.text(1), rows.copied(2)?.toString() ?? null];
  });

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.toWellFormed().replaceAll('\0', '')),
  fc.constantFrom('', "'", "''; drop table items; --", '\\', '\\.', '"', 'NULL', '{}', '\n', '\t'),
  // Longer than what comes over a connection at once.
  fc.nat(300_000).map((length) => 'é'.repeat(length)),
);

it('Rows come out as they are, with nulls, quotes and texts that are longer than a packet', async () => {
  const list = fc.array(fc.option(anyText), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(list, async (texts) => {
      const rows = await db.copyOut(
        sql`select n::int, t, t from json_array_elements_text(${JSON.stringify(texts)}::json) with ordinality as u(t, n) order by n`,
        memory,
      );
      expect(told(rows)).toEqual(texts.map((text, at) => [at + 1, text, text]));
    }),
  );
});

it('Rows come whole behind notices, and beside statements that use the same connection', async () => {
  await db.read((q) =>
    q.execute(sql`create function noisy(n int) returns text language plpgsql as
      $$ begin raise notice 'at %', n; return repeat('x', n); end $$`),
  );
  for (let turn = 0; turn < 3; turn += 1) {
    const selection = sql`select n, noisy(n), null::text from generate_series(1, 400) n`;
    const [rows, { rows: others }] = await Promise.all([
      db.copyOut(selection, new CopyMemory()),
      db.read((q) => q.execute(sql`select 7 as seven`)),
    ]);
    expect(told(rows)).toEqual(Array.from({ length: 400 }, (_, n) => [n + 1, 'x'.repeat(n + 1), null]));
    expect(others).toEqual([{ seven: 7 }]);
  }
});

it('A statement that fails among its rows is an error, and the next one works', async () => {
  const failing = sql`select n, repeat('y', 1000 / (3000 - n)), null::text from generate_series(1, 4000) n`;
  await expect(db.copyOut(failing, memory)).rejects.toMatchObject({ code: '22012' });
  const gone = sql`select n, pg_terminate_backend(pg_backend_pid())::text, null::text from generate_series(1, 2) n`;
  await expect(db.copyOut(gone, memory)).rejects.toThrow();
  expect(told(await db.copyOut(sql`select 1, 'a', 'b'`, memory))).toEqual([[1, 'a', 'b']]);
});
