/** Columns of many rows as one parameter: what goes in comes out, whatever it is. */
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { arrayText, textList } from '../../src/db/arrays.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let db: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.toWellFormed().replaceAll('\0', '')),
  fc.constantFrom(
    '',
    'NULL',
    'null',
    '{}',
    '"',
    '\\',
    '\n',
    '\u001e',
    '\u001f',
    '\n\u001e\u001f',
    ' a ',
    '{"a":"b\\"c"}',
  ),
);
const texts = fc.array(fc.option(anyText), { maxLength: 12 });

it('a list of texts comes out of Postgres as it went in, with nulls, quotes, newlines and separators', async () => {
  await fc.assert(
    fc.asyncProperty(texts, async (list) => {
      const { rows } = await db.read((q) =>
        q.execute<{ listed: unknown; written: unknown }>(
          sql`select to_json(${textList(list)}) as listed, to_json(${sql.param(arrayText(list))}::text[]) as written`,
        ),
      );
      expect(rows).toEqual([{ listed: list, written: list }]);
    }),
    { numRuns: 200 },
  );
});

it('lists of numbers and of yes and no come out of Postgres as they went in', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(fc.maxSafeInteger())),
      fc.array(fc.option(fc.boolean())),
      async (numbers, answers) => {
        const { rows } = await db.read((q) =>
          q.execute<{ numbers: unknown; answers: unknown }>(
            sql`select to_json(${sql.param(arrayText(numbers))}::bigint[]) as numbers, to_json(${sql.param(arrayText(answers))}::bool[]) as answers`,
          ),
        );
        expect(rows).toEqual([{ numbers, answers }]);
      },
    ),
    { numRuns: 50 },
  );
});
