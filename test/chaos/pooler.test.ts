/**
 * Processes behind a pooler in transaction mode, as `docs/deploying.md` says to set them up: what is kept in a session of
 * Postgres is lost there between two transactions, and all of the service works all the same.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { openDatabase } from '../../src/db/client.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { expectInvariants } from '../support/invariants.ts';
import { batchesUpdatedDocument, batchUpdatedDocument, numbersIn } from '../support/live.ts';
import { startPooler, type TestPooler } from '../support/pooler.ts';
import { type RunningProcess, runBatchql } from '../support/processes.ts';
import { subscribeBySse, subscribeByWebSocket } from '../support/subscribers.ts';
import { linesFor, putFile } from '../support/uploads.ts';

const key = 'bq_pooler_0123456789abcdef';
const requests = 3000;

describe('The pooler of these tests', () => {
  it('loses what is kept in a session, as one in transaction mode does', async () => {
    const database = await createTestDatabase();
    const pooler = await startPooler(database.url, 2);
    const client = new pg.Client({ connectionString: pooler.url });
    await client.connect();
    const value = async () =>
      (await client.query("select current_setting('bench.mine', true) as is")).rows[0].is;
    await client.query("set bench.mine = 'here'");
    expect([await value(), await value()].sort()).toEqual(['here', null]);
    const prepared = () => client.query({ name: 'mine', text: 'select 1' });
    await prepared();
    await expect(Promise.all([prepared(), prepared()])).rejects.toThrow(/prepared statement "mine"/);
    await client.query("begin; set local bench.mine = 'inside'");
    expect([await value(), await value()]).toEqual(['inside', 'inside']);
    await client.query('rollback');
    await client.end();
    await pooler.close();
    await database.drop();
  });
});

describe.each(['notify', 'poll'])('An API and a worker behind a pooler, with EVENTS=%s', (events) => {
  let database: TestDatabase;
  let pooler: TestPooler;
  let provider: Emulator;
  let machines: RunningProcess[];
  let url: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    pooler = await startPooler(database.url);
    const pace = { validatingSeconds: 0, runningSeconds: 2, finalizingSeconds: 0, cancellingSeconds: 0 };
    provider = await openai.emulate({ clock: systemClock, pace });
    machines = ['api', 'worker'].map((role) =>
      runBatchql(['start', '--role', role], {
        DATABASE_URL: pooler.url,
        DATABASE_DIRECT_URL: database.url,
        BATCHQL_API_KEY: key,
        OPENAI_API_KEY: provider.apiKey,
        OPENAI_BASE_URL: provider.baseUrl,
        PORT: '0',
        EVENTS: events,
        POLL_FIRST_SECONDS: '0.5',
        POLL_MAX_SECONDS: '0.5',
      }),
    );
    const [api] = await Promise.all(machines.map((each) => each.logged('BatchQL is running')));
    url = String(api?.['url']);
  });
  afterAll(async () => {
    for (const { child } of machines) child.kill('SIGKILL');
    await Promise.all(machines.map(({ exit }) => exit));
    await provider.close();
    await pooler.close();
    const db = openDatabase({ url: database.url, connectionsMax: 1 });
    await expectInvariants(db);
    await db.close();
    await database.drop();
  });

  async function ask(query: string, variables: Record<string, unknown> = {}) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: an answer of any shape
    const { data, errors } = (await response.json()) as any;
    expect(errors).toBeUndefined();
    return data;
  }

  it('take a file, send it, copy its results and tell all of it, without a gap, many calls at once', async () => {
    const ready = await fetch(`${url}/readyz`);
    expect({ status: ready.status, body: await ready.json() }).toMatchObject({ status: 200 });
    const feed = subscribeBySse({ url, query: batchesUpdatedDocument, key });
    const { createUpload: made } = await ask(
      `mutation { createUpload(input: { batch: { provider: "openai", submit: NOW } }) {
        ... on CreateUploadPayload { url batch { id } } } }`,
    );
    const variables = { id: made.batch.id };
    const subscriber = subscribeByWebSocket({ url, query: batchUpdatedDocument, variables, key });
    await subscriber.waitFor(({ batchUpdated }) => batchUpdated.kind === 'SNAPSHOT');
    expect(await putFile(made.url, linesFor('openai', requests))).toMatchObject({ status: 200 });
    // More than there are connections, so that every transaction comes to another one.
    const pages = await Promise.all(
      Array.from({ length: 30 }, () =>
        ask('{ batches(first: 5) { totalCount edges { node { jobs { totalCount } } } } }'),
      ),
    );
    for (const { batches } of pages) expect(batches.totalCount).toBe(1);
    await subscriber.done;
    const told = subscriber.messages.map(({ data }) => data.batchUpdated);
    const { seq, batch } = told.at(-1);
    expect(batch).toMatchObject({ status: 'COMPLETED', counts: { total: requests, succeeded: requests } });
    expect(numbersIn(told)).toEqual(Array.from({ length: seq }, (_, at) => at + 1));
    await feed.waitFor(({ batchesUpdated }) => batchesUpdated.batch?.status === 'COMPLETED');
    await feed.stop();

    const ended = await ask('query($id: ID!) { batch(id: $id) { outputUrl } }', variables);
    const output = await fetch(ended.batch.outputUrl, { headers: { authorization: `Bearer ${key}` } });
    expect((await output.text()).trim().split('\n')).toHaveLength(requests);
    expect(pooler.borrowed).toBeGreaterThan(100);
  });
});
