/**
 * Two processes that take calls and two that work, real ones, on one database, with a provider that shows a key of
 * ours and one that shows none.
 */
import postgres, { type Sql } from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDatabase } from '../../src/db/client.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { bodyFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type RunningProcess, runBatchql } from '../support/processes.ts';
import { countFaults } from '../support/tally.ts';
import { callsOf } from '../support/verbs.ts';

countFaults();

const key = 'bq_two_of_all_0123456789abcdef';
let database: TestDatabase;
let sql: Sql;
let emulators: Readonly<Record<'openai' | 'anthropic', Emulator>>;
let workers: readonly RunningProcess[] = [];
let apis: readonly RunningProcess[] = [];
let urls: readonly string[];
beforeAll(async () => {
  database = await createTestDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  const pace = { validatingSeconds: 0, runningSeconds: 0.2, finalizingSeconds: 0, cancellingSeconds: 0 };
  emulators = {
    openai: await openai.emulate({ clock: systemClock, pace }),
    anthropic: await anthropic.emulate({ clock: systemClock, pace }),
  };
  const start = (role: string) =>
    runBatchql(['start', '--role', role], {
      DATABASE_URL: database.url,
      BATCHQL_API_KEY: key,
      OPENAI_API_KEY: emulators.openai.apiKey,
      OPENAI_BASE_URL: emulators.openai.baseUrl,
      ANTHROPIC_API_KEY: emulators.anthropic.apiKey,
      ANTHROPIC_BASE_URL: emulators.anthropic.baseUrl,
      PORT: '0',
      // Nobody polls by itself, so that every poll was asked for.
      POLL_FIRST_SECONDS: '3600',
      SYNC_WAIT_SECONDS: '60',
    });
  workers = [start('worker'), start('worker')];
  apis = [start('api'), start('api')];
  const started = await Promise.all([...workers, ...apis].map((each) => each.logged('BatchQL is running')));
  urls = started.slice(workers.length).map(({ url }) => String(url));
});
afterAll(async () => {
  for (const { child } of [...workers, ...apis]) child.kill('SIGKILL');
  await Promise.all([...workers, ...apis].map(({ exit }) => exit));
  await Promise.all(Object.values(emulators).map((emulator) => emulator.close()));
  await sql.end();
  const db = openDatabase({ url: database.url, connectionsMax: 1 });
  await expectInvariants(db);
  await db.close();
  await database.drop();
});

/** What one of the two APIs answers; which one, the number of the call decides. */
async function ask(call: number, query: string, variables: Record<string, unknown>) {
  const response = await fetch(`${urls[call % urls.length]}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query, variables }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  const { data, errors } = (await response.json()) as any;
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

async function create(call: number, provider: 'openai' | 'anthropic', texts: readonly string[]) {
  const list = texts.map((text, index) => ({ body: bodyFor(provider, text, '', index) }));
  const { createBatch } = await ask(
    call,
    'mutation($input: CreateBatchInput!) { createBatch(input: $input) { ... on CreateBatchPayload { batch { id uuid } } } }',
    { input: { provider, submit: 'NOW', requests: { list } } },
  );
  return createBatch.batch as { id: string; uuid: string };
}

const sync = async (call: number, id: string) => {
  const { syncBatch } = await ask(
    call,
    `mutation($input: SyncBatchInput!) { syncBatch(input: $input) { ... on SyncBatchPayload {
      settled batch { status version lastSyncedAt counts { total succeeded submitted } } } } }`,
    { input: { batchId: id } },
  );
  return syncBatch;
};

/** Resolves when so many jobs of these batches are confirmed. */
const confirmed = (uuids: readonly string[]) =>
  expect
    .poll(
      async () => {
        const [row] = await sql<{ jobs: number }[]>`
          select count(*)::int as jobs from jobs where batch_id = any(${uuids}::uuid[]) and provider_job_id is not null`;
        return row?.jobs;
      },
      { timeout: 60_000, interval: 50 },
    )
    .toBe(uuids.length);

it('many batches over both at once end with one batch each at their provider, and every answer once', async () => {
  const plan = Array.from(
    { length: 12 },
    (_, index) => (['openai', 'anthropic'] as const)[index % 2] ?? 'openai',
  );
  const made = await Promise.all(
    plan.map((provider, call) => create(call, provider, ['one', 'two', 'three'])),
  );
  await confirmed(made.map(({ uuid }) => uuid));
  for (const emulator of Object.values(emulators)) {
    expect(await emulator.batches()).toHaveLength(plan.length / 2);
    expect(callsOf(emulator.calls, 'create')).toBe(plan.length / 2);
  }
  const ended = await Promise.all(
    made.map(async ({ id }, call) => {
      for (;;) {
        const { batch } = await sync(call, id);
        if (batch.status !== 'IN_PROGRESS') return batch;
      }
    }),
  );
  for (const batch of ended) {
    expect(batch).toMatchObject({ status: 'COMPLETED', counts: { total: 3, succeeded: 3 } });
  }
});

it('fifty syncs of one batch over both at once make one call to the provider and are answered alike', async () => {
  const { id, uuid } = await create(0, 'openai', ['emulate:stuck', 'two']);
  await confirmed([uuid]);
  // Each wish is counted, so that the test knows when all have come; until then nobody works.
  await sql`create table wishes (at timestamptz)`;
  await sql`create function count_wish() returns trigger language plpgsql as
    'begin insert into wishes values (now()); return new; end'`;
  await sql`create trigger count_wish after update of sync_requested on jobs
    for each row execute function count_wish()`;
  for (const { child } of workers) child.kill('SIGSTOP');
  const before = callsOf(emulators.openai.calls, 'retrieve');
  const syncs = Array.from({ length: 50 }, (_, call) => sync(call, id));
  await expect
    .poll(async () => (await sql`select from wishes`).length, { timeout: 60_000, interval: 50 })
    .toBe(50);
  for (const { child } of workers) child.kill('SIGCONT');
  const answers = await Promise.all(syncs);
  expect(callsOf(emulators.openai.calls, 'retrieve') - before).toBe(1);
  expect(answers[0]).toMatchObject({ settled: true, batch: { counts: { total: 2, submitted: 2 } } });
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  await sql`drop trigger count_wish on jobs`;
});
