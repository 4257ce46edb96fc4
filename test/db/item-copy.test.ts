/** Items that are copied in: what goes in comes out, whatever they are and however their rows were gathered. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import postgres, { type Sql } from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { type CopiedItem, copyItems, ItemRows } from '../../src/db/queries/item-copy.ts';
import { workerScope } from '../../src/domain/scope.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let db: Database;
let sql: Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url });
  sql = postgres(database.url, { max: 1 });
});
afterAll(async () => {
  await sql.end();
  await db.close();
  await database.drop();
});

const at = new Date('2026-03-01T12:00:00.123Z');
const anyText = fc
  .string({ unit: 'binary', maxLength: 60 })
  .map((text) => text.toWellFormed().replaceAll('\0', ''));
const anyItem = fc.record({
  endpoint: anyText,
  model: fc.option(anyText),
  agentId: fc.option(anyText),
  // Now and then longer than all the room that there is at first.
  request: fc.oneof(
    { weight: 9, arbitrary: anyText },
    fc.nat(200_000).map((length) => 'é'.repeat(length)),
  ),
});
const anyItems = fc.array(anyItem, { minLength: 1, maxLength: 12 }).map((all) =>
  all.map(
    (item, position): CopiedItem => ({
      ...item,
      position,
      customId: `id-${position}`,
      bytes: Buffer.byteLength(item.request),
    }),
  ),
);

async function stored(batchId: string, rows: ItemRows): Promise<readonly unknown[]> {
  await db.transaction((tx) => copyItems(workerScope, tx, rows));
  return sql`select position, custom_id as "customId", endpoint, model, agent_id as "agentId", bytes, request,
               created_at as "createdAt" from items where batch_id = ${batchId} order by position`;
}

const rowsOf = (items: readonly CopiedItem[], rows: ItemRows) => {
  for (const item of items) rows.add(item);
  return rows;
};
const asStored = (items: readonly CopiedItem[]) => items.map((item) => ({ ...item, createdAt: at }));

it('Items come out of Postgres as they were added', async () => {
  await fc.assert(
    fc.asyncProperty(anyItems, async (items) => {
      const id = randomUUID();
      const rows = rowsOf(items, new ItemRows({ id, at }));
      expect(rows.count).toBe(items.length);
      expect(await stored(id, rows)).toEqual(asStored(items));
    }),
  );
});

it('Rows that are left out are missing, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(anyItems, fc.infiniteStream(fc.boolean()), async (items, choice) => {
      const id = randomUUID();
      const places = new Set(items.flatMap((_item, place) => (choice.next().value === true ? [place] : [])));
      const rest = rowsOf(items, new ItemRows({ id, at })).without(places);
      const kept = items.filter((_item, place) => !places.has(place));
      expect(rest.count).toBe(kept.length);
      expect(await stored(id, rest)).toEqual(asStored(kept));
    }),
  );
});

it('Rows that are filled anew hold nothing of what they held before', async () => {
  await fc.assert(
    fc.asyncProperty(anyItems, anyItems, async (before, items) => {
      const id = randomUUID();
      const rows = rowsOf(before, new ItemRows({ id, at }));
      rows.clear();
      expect(await stored(id, rowsOf(items, rows))).toEqual(asStored(items));
    }),
  );
});
