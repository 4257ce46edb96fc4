/** The monthly partitions of the two big tables: who makes them, and where rows come to lie. */
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { insertItems } from '../../src/db/queries/items.ts';
import { ensurePartitions } from '../../src/db/queries/partitions.ts';
import { uuidv7 } from '../../src/domain/ids.ts';
import { workerScope } from '../../src/domain/scope.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const november = new Date('2026-11-22T10:00:00.000Z');
const winter = ['default', '2026_11', '2026_12', '2027_01'];

let database: TestDatabase;
let db: Database;

beforeEach(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, connectionsMax: 4 });
});
afterEach(async () => {
  await db.close();
  await database.drop();
});

describe('Items and results', () => {
  it('are partitioned by ranges of batch ids, with a partition for all the rest', async () => {
    const rows = await ask(sql`
      select partrelid::regclass::text as name, pg_get_partkeydef(partrelid) as key, partdefid::regclass::text as rest
      from pg_partitioned_table order by 1`);
    expect(rows).toEqual([
      { name: 'items', key: 'RANGE (batch_id)', rest: 'items_default' },
      { name: 'results', key: 'RANGE (batch_id)', rest: 'results_default' },
    ]);
  });
});

describe('Ensuring partitions', () => {
  it("makes this month's and those of the months ahead, across the end of a year", async () => {
    await db.transaction((tx) => ensurePartitions(tx, november, 2));
    expect(await partitionsOf('items')).toEqual(namesOf('items', winter));
    expect(await partitionsOf('results')).toEqual(namesOf('results', winter));
  });

  it('makes each once, however often and from however many processes it is asked', async () => {
    await Promise.all([1, 2, 3, 4].map(() => db.transaction((tx) => ensurePartitions(tx, november, 2))));
    await db.transaction((tx) => ensurePartitions(tx, november, 2));
    expect(await partitionsOf('items')).toEqual(namesOf('items', winter));
  });

  it('leaves alone a month whose rows lie elsewhere already, and makes the others', async () => {
    const early = await insertAt('2026-12-24T00:00:00.000Z');
    await db.transaction((tx) => ensurePartitions(tx, november, 2));
    expect(await partitionsOf('items')).toEqual(namesOf('items', ['default', '2026_11', '2027_01']));
    expect(await partitionsOf('results')).toEqual(namesOf('results', winter));
    expect(await partitionHolding(early)).toBe('items_default');
  });
});

describe('A row', () => {
  it.each([
    ['the first moment of a month', '2026-11-01T00:00:00.000Z', 'items_2026_11'],
    ['the last moment of a month', '2026-11-30T23:59:59.999Z', 'items_2026_11'],
    ['the first moment of the next', '2026-12-01T00:00:00.000Z', 'items_2026_12'],
    ['a month that nobody prepared', '2031-05-05T05:05:05.555Z', 'items_default'],
  ])("of a batch made in %s lies in that batch's month", async (_title, moment, partition) => {
    await db.transaction((tx) => ensurePartitions(tx, november, 1));
    expect(await partitionHolding(await insertAt(moment))).toBe(partition);
  });

  it('is found by reading one partition and no other', async () => {
    await db.transaction((tx) => ensurePartitions(tx, november, 2));
    const id = await insertAt('2026-12-24T00:00:00.000Z');
    const plan = await ask(
      sql`explain select request from items where batch_id = ${sql.raw(`'${id}'`)} and position = 0`,
    );
    const text = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toContain('items_2026_12');
    expect(text.match(/items_\d{4}_\d\d|items_default/g)?.every((name) => name === 'items_2026_12')).toBe(
      true,
    );
  });
});

/** Adds one item of a batch that was made at `moment`; answers the batch's id. Its random bits are all ones. */
async function insertAt(moment: string): Promise<string> {
  const id = uuidv7(Date.parse(moment), new Uint8Array(10).fill(0xff));
  const row = {
    position: 0,
    customId: 'a',
    endpoint: '/v1',
    model: null,
    agentId: null,
    bytes: 2,
    request: '{}',
  };
  await db.transaction((tx) => insertItems(workerScope, tx, { id, at: new Date(0) }, [row]));
  return id;
}

async function partitionHolding(batchId: string): Promise<unknown> {
  const rows = await ask(sql`select tableoid::regclass::text as name from items where batch_id = ${batchId}`);
  return rows[0]?.['name'];
}

async function partitionsOf(table: string): Promise<unknown[]> {
  const rows = await ask(sql`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = ${table}::regclass order by 1`);
  return rows.map((row) => row['name']);
}

const namesOf = (table: string, suffixes: readonly string[]): string[] =>
  suffixes.map((suffix) => `${table}_${suffix}`).sort();

async function ask(query: ReturnType<typeof sql>): Promise<Record<string, unknown>[]> {
  return (await db.read((q) => q.execute(query))).rows;
}
