/**
 * Two processes that take calls and two that work, as on four machines, of which one of each is killed while a batch
 * runs and is watched at both; with notifications, and with a look each second in their place.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDatabase } from '../../src/db/client.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { bodyFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { batchUpdatedDocument, numbersIn } from '../support/live.ts';
import { type RunningProcess, runBatchql } from '../support/processes.ts';
import { type Subscriber, subscribeBySse, subscribeByWebSocket } from '../support/subscribers.ts';

const key = 'bq_machines_0123456789abcdef';

describe.each(['notify', 'poll'])('Four machines with EVENTS=%s', (events) => {
  let database: TestDatabase;
  let provider: Emulator;
  let machines: Record<'api' | 'otherApi' | 'worker' | 'otherWorker', RunningProcess>;
  let urls: Record<keyof typeof machines, string>;
  beforeAll(async () => {
    database = await createTestDatabase();
    const pace = { validatingSeconds: 0, runningSeconds: 3, finalizingSeconds: 0, cancellingSeconds: 0 };
    provider = await openai.emulate({ clock: systemClock, pace });
    const start = (role: string) =>
      runBatchql(['start', '--role', role], {
        DATABASE_URL: database.url,
        BATCHQL_API_KEY: key,
        OPENAI_API_KEY: provider.apiKey,
        OPENAI_BASE_URL: provider.baseUrl,
        PORT: '0',
        EVENTS: events,
        LEASE_SECONDS: '2',
        POLL_FIRST_SECONDS: '0.5',
        POLL_MAX_SECONDS: '0.5',
      });
    machines = {
      api: start('api'),
      otherApi: start('api'),
      worker: start('worker'),
      otherWorker: start('worker'),
    };
    const started = await Promise.all(
      Object.entries(machines).map(async ([name, each]) => [
        name,
        String((await each.logged('BatchQL is running'))['url']),
      ]),
    );
    urls = Object.fromEntries(started);
  });
  afterAll(async () => {
    for (const { child } of Object.values(machines)) child.kill('SIGKILL');
    await Promise.all(Object.values(machines).map(({ exit }) => exit));
    await provider.close();
    const db = openDatabase({ url: database.url, connectionsMax: 1 });
    await expectInvariants(db);
    await db.close();
    await database.drop();
  });

  const told = ({ messages }: Subscriber) => messages.map(({ data }) => data.batchUpdated);

  it('tell a batch to its end at every API process, without a gap, when one API and one worker are killed', async () => {
    const list = [1, 2, 3].map((number) => ({ body: bodyFor('openai', String(number)) }));
    const response = await fetch(`${urls.api}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({
        query:
          'mutation($input: CreateBatchInput!) { createBatch(input: $input) { ... on CreateBatchPayload { batch { id } } } }',
        variables: { input: { provider: 'openai', submit: 'NOW', requests: { list } } },
      }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: an answer of any shape
    const { data } = (await response.json()) as any;
    const variables = { id: data.createBatch.batch.id };
    const request = { query: batchUpdatedDocument, variables, key };
    const doomed = subscribeByWebSocket({ ...request, url: urls.otherApi });
    const staying = [
      subscribeByWebSocket({ ...request, url: urls.api }),
      subscribeBySse({ ...request, url: urls.api }),
    ];
    const isRunning = ({ batchUpdated }: { batchUpdated: { batch: { status: string } } }) =>
      batchUpdated.batch.status === 'IN_PROGRESS';
    await Promise.all([doomed, ...staying].map((each) => each.waitFor(isRunning)));
    machines.otherApi.child.kill('SIGKILL');
    machines.otherWorker.child.kill('SIGKILL');
    await expect(doomed.done).rejects.toBeDefined();

    const before = told(doomed);
    const resumed = subscribeByWebSocket({
      ...request,
      url: urls.api,
      variables: { ...variables, after: before.at(-1).seq },
    });
    await Promise.all([resumed, ...staying].map((each) => each.done));
    const wholes = [...staying.map(told), [...before, ...told(resumed)]];
    for (const whole of wholes) {
      const { seq, batch } = whole.at(-1);
      expect(batch).toMatchObject({ status: 'COMPLETED', counts: { total: 3, succeeded: 3 } });
      expect(numbersIn(whole)).toEqual(Array.from({ length: seq }, (_, at) => at + 1));
    }
    expect(await provider.batches()).toHaveLength(1);
  });

  it('have workers that tell an operator how they are, and take no calls', async () => {
    const statuses = await Promise.all(
      ['/readyz', '/healthz', '/graphql'].map(async (path) => (await fetch(urls.worker + path)).status),
    );
    expect(statuses).toEqual([200, 200, 404]);
  });
});
