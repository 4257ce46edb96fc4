/** Rows that are written in the binary format come out as they went in. */
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { binaryRows, copyRows, uuidBytes } from '../../src/db/binary-rows.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await createTestDatabase('nothing');
  db = openDatabase({ url: database.url });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const orNull = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });
const digits = (most: number) =>
  fc.array(fc.constantFrom(...'0000123456789'), { minLength: 1, maxLength: most }).map((all) => all.join(''));
const decimals = fc
  .tuple(fc.boolean(), digits(30), orNull(digits(30)))
  .map(
    ([isNegative, whole, fraction]) =>
      `${isNegative ? '-' : ''}${whole}${fraction === null ? '' : `.${fraction}`}`,
  );
const row = fc.record({
  id: fc.constant(null).map(() => randomUUID() as string),
  count: orNull(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  large: orNull(fc.maxSafeInteger()),
  yes: orNull(fc.boolean()),
  words: orNull(fc.string({ unit: 'grapheme' }).map((text) => text.toWellFormed().replaceAll('\0', ''))),
  amount: orNull(decimals),
  at: fc.date({ min: new Date('1990-01-01'), max: new Date('2200-01-01'), noInvalidDate: true }),
});

describe('Rows by COPY', () => {
  it('hold numbers, decimals, texts, moments and nothing at all exactly as they were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (all) => {
        const read = await db.transaction(async (tx) => {
          await tx.execute(sql`create temporary table copied (place int, id uuid, count int, large bigint, yes boolean,
            words text, amount numeric, at timestamptz) on commit drop`);
          const rows = binaryRows(8, 16);
          for (const [place, one] of all.entries()) {
            rows.row();
            rows.integer(place);
            rows.uuid(uuidBytes(one.id));
            rows.integer(one.count);
            rows.bigint(one.large);
            rows.boolean(one.yes);
            rows.text(one.words);
            rows.numeric(one.amount);
            rows.moment(one.at);
          }
          await copyRows(tx, 'copy copied from stdin (format binary)', rows.encoded());
          const { rows: found } =
            await tx.execute(sql`select id, count, large::text, yes, words, amount::text,
            (extract(epoch from at) * 1000)::float8 as at from copied order by place`);
          return found;
        });
        // As Postgres itself reads and writes the same decimal: without zeros in front, with those behind.
        const written = await db.read((q) =>
          q.execute<{ amounts: (string | null)[] }>(
            sql`select array(select a::numeric::text from unnest(${sql.param(all.map(({ amount }) => amount))}::text[])
              with ordinality as t(a, n) order by n) as amounts`,
          ),
        );
        expect(read).toEqual(
          all.map((one, place) => ({
            ...one,
            large: one.large === null ? null : String(one.large),
            amount: written.rows[0]?.amounts[place],
            at: one.at.getTime(),
          })),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('can be left out, and have their first columns written when those are known', async () => {
    const rows = binaryRows(2, 16);
    for (const words of ['a', 'b', null, 'd']) {
      rows.row();
      rows.integer(0);
      rows.text(words);
    }
    const first = binaryRows(1);
    first.row();
    first.integer(7);
    rows.overwrite(first);
    expect(rows.count).toBe(4);
    const read = await db.transaction(async (tx) => {
      await tx.execute(sql`create temporary table few (seq int, words text) on commit drop`);
      await copyRows(tx, 'copy few from stdin (format binary)', rows.encoded(new Set([1])));
      await copyRows(tx, 'copy few from stdin (format binary)', rows.encoded());
      return (await tx.execute(sql`select seq, words from few order by ctid`)).rows;
    });
    const all = (list: (string | null)[]) => list.map((words) => ({ seq: 7, words }));
    expect(read).toEqual(all(['a', null, 'd', 'a', 'b', null, 'd']));
  });

  it('that the table refuses are told as an error, and the connection works on', async () => {
    const refused = db.transaction(async (tx) => {
      await tx.execute(sql`create temporary table strict (place int not null) on commit drop`);
      const rows = binaryRows(1);
      rows.row();
      rows.integer(null);
      await copyRows(tx, 'copy strict from stdin (format binary)', rows.encoded());
    });
    await expect(refused).rejects.toMatchObject({ code: '23502' });
    expect((await db.read((q) => q.execute(sql`select 1 as one`))).rows).toEqual([{ one: 1 }]);
  });
});
