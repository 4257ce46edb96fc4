/** Several processes share the limits through their database: how exactly, and at what price. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { unsettledMax } from '../../src/domain/rate-limit.ts';
import { createLogger } from '../../src/log.ts';
import { openRateCounter, type RateCounter } from '../../src/rates/rate-counter.ts';
import { newId } from '../../src/services.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startTestService, testStart } from '../support/service.ts';

const organizationLimit = 1_000_000;
const statements: string[] = [];
const logged: string[] = [];
const log = createLogger({ level: 'warn', destination: { write: (line: string) => void logged.push(line) } });
let database: TestDatabase;
let db: Database;
let clock: HandClock;
beforeAll(async () => {
  database = await createTestDatabase();
  await migrateDatabase(database.url);
  db = openDatabase({ url: database.url, onStatement: (statement) => statements.push(statement) });
  clock = createHandClock(testStart);
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const process = (key: number): RateCounter =>
  openRateCounter({ db, clock, log }, { key, organization: organizationLimit });
const someone = () => ({ apiKeyId: newId(clock), organizationId: newId(clock) });
const fits = (counter: RateCounter, caller: ReturnType<typeof someone>, points: number): Promise<boolean> =>
  counter.take(caller, points).then(
    () => true,
    () => false,
  );

describe('Processes that share a database', () => {
  it('go beyond a limit by a tenth for each but one at the most, however much is asked at once', async () => {
    const shares = fc.array(fc.record({ at: fc.nat(2), points: fc.integer({ min: 1, max: 30 }) }), {
      minLength: 1,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 30, max: 300 }),
        shares,
        fc.boolean(),
        async (limit, asked, atOnce) => {
          const processes = [process(limit), process(limit), process(limit)];
          const caller = someone();
          const take = async ({ at, points }: { at: number; points: number }) =>
            (await fits(processes[at] as RateCounter, caller, points)) ? points : 0;
          const taken: number[] = [];
          if (atOnce) taken.push(...(await Promise.all(asked.map(take))));
          else for (const each of asked) taken.push(await take(each));
          const total = taken.reduce((sum, points) => sum + points, 0);
          const dearest = Math.max(...asked.map(({ points }) => points));
          expect(total).toBeLessThanOrEqual(limit + 2 * Math.max(unsettledMax(limit), dearest));
          // And nobody is refused before the limit is reached.
          if (!atOnce && taken.includes(0)) expect(total + dearest).toBeGreaterThan(limit);
          await Promise.all(processes.map((each) => each.close()));
        },
      ),
      { numRuns: 25, seed: 5 },
    );
  });

  it('are not ahead of each other by more than that when all asks come in one moment', async () => {
    const [one, other, caller] = [process(100), process(100), someone()];
    const asks = Array.from({ length: 300 }, (_, at) => fits(at % 2 === 0 ? one : other, caller, 1));
    const good = (await Promise.all(asks)).filter(Boolean);
    expect(good.length).toBeGreaterThanOrEqual(100);
    expect(good.length).toBeLessThanOrEqual(110);
  });

  it('are exact where there is but one', async () => {
    const [one, caller] = [process(100), someone()];
    const answers = await Promise.all(Array.from({ length: 150 }, () => fits(one, caller, 1)));
    expect(answers.filter(Boolean)).toHaveLength(100);
  });

  it('know of each other what was counted a second ago', async () => {
    const [one, other, caller] = [process(1000), process(1000), someone()];
    await one.take(caller, 40);
    await other.take(caller, 5);
    expect((await other.standing(caller)).remaining).toBe(995);
    clock.advance({ seconds: 1 });
    await one.take(caller, 1);
    await one.settle();
    await other.take(caller, 1);
    await other.settle();
    expect((await other.standing(caller)).remaining).toBe(1000 - 40 - 5 - 1 - 1);
  });

  it('write nothing for a request, and once for a tenth of a limit', async () => {
    const [one, caller] = [process(1000), someone()];
    statements.length = 0;
    for (let count = 0; count < 100; count += 1) await one.take(caller, 1);
    expect(statements).toEqual([]);
    for (let count = 0; count < 100; count += 1) await one.take(caller, 1);
    expect(statements.filter((statement) => statement.startsWith('insert'))).toHaveLength(1);
  });

  it('forget the minutes that are over', async () => {
    const [one, caller] = [process(10), someone()];
    for (let minute = 0; minute < 10; minute += 1) {
      await one.take(caller, 1);
      await one.settle();
      clock.advance({ minutes: 1 });
    }
    const { rows } = await db.read((q) =>
      q.execute<{ kept: number }>('select count(distinct window_start)::int as kept from rate_counts'),
    );
    expect(rows[0]?.kept).toBeLessThanOrEqual(6);
  });

  it('hold their own limits where the database is away, and say so', async () => {
    const away = openDatabase({ url: 'postgres://nobody@127.0.0.1:9/nothing', connectionsMax: 1 });
    const one = openRateCounter({ db: away, clock, log }, { key: 20, organization: organizationLimit });
    const caller = someone();
    const answers: boolean[] = [];
    for (let count = 0; count < 30; count += 1) answers.push(await fits(one, caller, 1));
    expect(answers.filter(Boolean)).toHaveLength(20);
    expect(logged.join()).toContain('could not be settled');
    await away.close();
  });
});

describe('Two services on one database', () => {
  it('let through at most 110 where 100 are allowed, and refuse the rest with 429', async () => {
    const settings = { RATE_LIMIT_PER_KEY: '100' };
    const first = await startTestService(settings);
    const second = await startTestService({ ...settings, DATABASE_URL: first.app.databaseUrl });
    try {
      const { key } = await first.addOrganization('Both');
      const asked = Array.from({ length: 300 }, (_, at) =>
        fetch(`${(at % 2 === 0 ? first : second).url}/graphql?query={viewer{sandbox}}`, {
          headers: { 'x-api-key': key },
        }),
      );
      const statuses = (await Promise.all(asked)).map(({ status }) => status);
      const good = statuses.filter((status) => status === 200).length;
      expect(good).toBeGreaterThanOrEqual(100);
      expect(good).toBeLessThanOrEqual(110);
      expect(statuses.filter((status) => status === 429)).toHaveLength(300 - good);
    } finally {
      await second.close();
      await first.close();
    }
  });
});
