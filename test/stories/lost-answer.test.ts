/**
 * Answers that never arrive: cut off by the network, and by the end of the process that waited for them. The
 * processes here are real ones, killed without warning, and the provider is an emulator that outlives them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDatabase } from '../../src/db/client.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { bodyFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { type RunningProcess, runBatchql } from '../support/processes.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';

const report = `query($id: ID!) { batch(id: $id) {
  status counts { total succeeded errored } submittedAt
  jobs(first: 5) { edges { node { status evidence providerJobId } } }
  items(first: 50) { edges { node { customId status } } } } }`;

const requests = (provider: string, count: number) => ({
  list: Array.from({ length: count }, (_, index) => ({
    customId: `r${index}`,
    body: bodyFor(provider, `question ${index}`),
  })),
});

describe.each(['openai', 'anthropic'])('An answer of %s that is lost after it made the batch', (provider) => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService();
  });
  afterAll(async () => {
    await expectInvariants(service.app.services.db);
    await service.close();
  });

  it('shows as a job that is looked for, then found: one batch there, one answer for each request here', async () => {
    const emulator = service.emulator(provider);
    emulator.faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });
    emulator.faults.add({ operation: 'list', effect: { kind: 'drop' } });
    const { batch: made } = await mutate(service, 'createBatch', {
      provider,
      submit: 'NOW',
      requests: requests(provider, 5),
    });
    const look = async () => (await service.query(report, { id: made.id })).data.batch;
    await service.work();
    expect(await look()).toMatchObject({
      status: 'SUBMITTED',
      submittedAt: null,
      jobs: {
        edges: [
          { node: { status: 'UNKNOWN', providerJobId: null, evidence: { lostAnswer: 'answer_lost' } } },
        ],
      },
    });
    await service.turn(60, 10);
    const [only, ...others] = await emulator.batches();
    expect(others).toEqual([]);
    expect(await look()).toMatchObject({
      status: 'COMPLETED',
      counts: { total: 5, succeeded: 5 },
      jobs: { edges: [{ node: { status: 'COMPLETED', providerJobId: only?.id } }] },
    });
    expect(emulator.calls.filter(({ operation }) => operation === 'create')).toHaveLength(1);
  });
});

describe('A process that is killed', () => {
  const key = 'bq_killed_0123456789abcdef';
  let database: TestDatabase;
  let emulator: Emulator;
  const processes: RunningProcess[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
    const pace = { validatingSeconds: 0, runningSeconds: 0.2, finalizingSeconds: 0, cancellingSeconds: 0 };
    emulator = await openai.emulate({ clock: systemClock, pace });
  });
  afterAll(async () => {
    for (const { child } of processes) child.kill('SIGKILL');
    await Promise.all(processes.map(({ exit }) => exit));
    await emulator.close();
    await database.drop();
  });

  /** Starts a process that works on the database with the emulator for its one live provider; its url. */
  async function start(): Promise<{ url: string; killed: Promise<unknown>; kill(): void }> {
    const started = runBatchql(['start'], {
      DATABASE_URL: database.url,
      BATCHQL_API_KEY: key,
      OPENAI_API_KEY: emulator.apiKey,
      OPENAI_BASE_URL: emulator.baseUrl,
      PORT: '0',
      LEASE_SECONDS: '1',
      POLL_FIRST_SECONDS: '0.3',
      POLL_MAX_SECONDS: '0.3',
    });
    processes.push(started);
    const { url } = await started.logged('BatchQL is running');
    return { url: String(url), killed: started.exit, kill: () => started.child.kill('SIGKILL') };
  }

  /** Kills the process at the moment when the provider has done its work on a call and is about to answer. */
  const killAtAnswerOf = (operation: string, { kill }: { kill(): void }) =>
    emulator.faults.add({
      operation,
      effect: {
        kind: 'rewrite',
        rewrite: (body) => {
          kill();
          return body;
        },
      },
    });

  // Three real processes, each as slow to start as the machine is busy.
  const timeout = 120_000;

  it('before it heard of its batch, and again before it had its results, loses and doubles nothing', {
    timeout,
  }, async () => {
    const first = await start();
    killAtAnswerOf('create', first);
    const answer = await fetch(`${first.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({
        query: `mutation($input: CreateBatchInput!) {
          createBatch(input: $input) { ... on CreateBatchPayload { batch { id } } } }`,
        variables: { input: { provider: 'openai', submit: 'NOW', requests: requests('openai', 30) } },
      }),
    });
    const { id } = (await answer.json()).data.createBatch.batch;
    await first.killed;
    expect(await emulator.batches()).toHaveLength(1);

    const second = await start();
    killAtAnswerOf('content', second);
    await second.killed;

    const third = await start();
    const follower = subscribeByWebSocket({
      url: third.url,
      key,
      query: 'subscription($id: ID!) { batchUpdated(id: $id) { batch { status } } }',
      variables: { id },
    });
    await follower.done;
    const look = await fetch(`${third.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query: report, variables: { id } }),
    });
    const { batch } = (await look.json()).data;
    const [only, ...others] = await emulator.batches();
    expect(others).toEqual([]);
    expect(batch).toMatchObject({
      status: 'COMPLETED',
      counts: { total: 30, succeeded: 30, errored: 0 },
      jobs: {
        edges: [
          { node: { status: 'COMPLETED', providerJobId: only?.id, evidence: { lostAnswer: 'sender_died' } } },
        ],
      },
    });
    expect(batch.items.edges.map(({ node }: { node: { customId: string } }) => node.customId)).toEqual(
      Array.from({ length: 30 }, (_, index) => `r${index}`),
    );
    expect(emulator.calls.filter(({ operation }) => operation === 'create')).toHaveLength(1);
    expect(emulator.calls.filter(({ operation }) => operation === 'upload')).toHaveLength(1);
    await follower.stop();
    const db = openDatabase({ url: database.url, connectionsMax: 1 });
    await expectInvariants(db);
    await db.close();
  });
});
