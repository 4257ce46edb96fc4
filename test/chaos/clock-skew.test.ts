/** Two processes on one database whose machines' clocks are twenty minutes apart: what one writes the other judges. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, startApp } from '../../src/app.ts';
import { systemClock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import { databaseTime } from '../../src/db/queries/time.ts';
import { workerScope } from '../../src/domain/scope.ts';
import { createLogger } from '../../src/log.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { providers } from '../../src/providers/registry.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { holdNext } from '../support/held-call.ts';
import { expectInvariants } from '../support/invariants.ts';
import { countFaults } from '../support/tally.ts';
import { callsOf, jobNow, makeBatch } from '../support/verbs.ts';

countFaults();

let database: TestDatabase;
let directory: string;
let emulator: Emulator;
let slow: App;
let fast: App;
const logged: Record<string, unknown>[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'batchql-skew-'));
  emulator = await anthropic.emulate({ clock: systemClock });
  const config = readConfig(
    {
      DATABASE_URL: database.url,
      DATA_DIR: directory,
      BATCHQL_API_KEY: 'bq_skewed_0123456789abcdef',
      ANTHROPIC_API_KEY: emulator.apiKey,
      ANTHROPIC_BASE_URL: emulator.baseUrl,
      PORT: '0',
    },
    {},
    providers,
  );
  const log = createLogger({
    level: 'warn',
    destination: { write: (line) => void logged.push(JSON.parse(line)) },
  });
  const start = (minutes: number) =>
    startApp(config, log, {
      works: false,
      machineClock: { now: () => new Date(systemClock.now().getTime() + minutes * 60_000) },
    });
  slow = await start(-10);
  fast = await start(10);
});
afterAll(async () => {
  await expectInvariants(slow.services.db);
  await slow.close();
  await fast.close();
  await emulator.close();
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

const work = (app: App) => workOnce(app.services, app.databaseUrl);

describe('A process whose machine is ten minutes behind, and one whose machine is ten minutes ahead', () => {
  it('go by the database’s time, and each says how far its machine is off', async () => {
    for (const { services } of [slow, fast]) {
      const theirs = await services.db.read((q) => databaseTime(workerScope, q));
      expect(Math.abs(services.clock.now().getTime() - theirs.getTime())).toBeLessThan(2000);
    }
    expect(logged.map(({ seconds }) => Math.round(Number(seconds) / 60))).toEqual([10, -10]);
  });

  it('do not take for lost what the other is about to send', async () => {
    const { services } = slow;
    const rows = await services.db.read((q) =>
      q.execute<{ id: string; key: string }>(
        sql`select o.id, k.id as key from organizations o join api_keys k on k.organization_id = o.id`,
      ),
    );
    const [row] = rows.rows;
    if (row === undefined) throw new Error('there is an organization from the start');
    const scope = {
      kind: 'organization',
      organizationId: row.id,
      apiKeyId: row.key,
      access: 'admin',
      grant: null,
    } as const;
    const { id } = await makeBatch(services, scope, { provider: 'anthropic' });
    const sending = holdNext(emulator, 'create');
    const sender = work(slow);
    await sending.arrived;
    await services.db.read((q) =>
      q.execute(sql`update jobs set lease_until = clock_timestamp() - interval '1 second'`),
    );
    // By the fast machine's own clock the slow one's time to send, and every grace, would be over.
    await work(fast);
    expect(await jobNow(services, id)).toMatchObject({ status: 'UNKNOWN', providerJobId: null });
    expect(callsOf(emulator.calls, 'create')).toBe(1);
    sending.release();
    await sender;
    await services.db.read((q) => q.execute(sql`update jobs set due_at = clock_timestamp()`));
    await work(fast);
    const [only, ...others] = await emulator.batches();
    expect(others).toEqual([]);
    expect(await jobNow(services, id)).toMatchObject({ providerJobId: only?.id });
    expect(callsOf(emulator.calls, 'create')).toBe(1);
  });
});
