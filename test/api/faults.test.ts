/** What goes wrong inside stays inside: a caller of a broken service learns that it is broken, and nothing else. */
import { createClient } from 'graphql-ws';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { sandboxKey } from '../../src/first-keys.ts';
import { chatBody } from '../support/documents.ts';
import { mutate, mutationDocument } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';

const message = 'Something went wrong here. It was logged; please try again.';
const internal = (path: readonly unknown[]) => ({
  message,
  path,
  locations: expect.any(Array),
  extensions: { code: 'INTERNAL_SERVER_ERROR' },
});
const plainInternal = { error: { code: 'INTERNAL_SERVER_ERROR', message: 'Something went wrong here.' } };
/** Words that only the inside knows: tables, SQL, files, drivers. */
const inside = /relation|select |insert |42P01|3D000|\.ts|node_modules|postgres|drizzle|away|\/work|stack/i;

let service: TestService;
let id: string;
let uuid: string;
beforeAll(async () => {
  service = await startTestService();
  const input = { provider: 'openai', requests: { list: [{ body: chatBody('q') }] } };
  const { batch } = await mutate(service, 'createBatch', input, { batch: 'id uuid' });
  ({ id, uuid } = batch);
});
afterAll(() => service.close());

/** Does this while a table has another name, so that every statement on it fails. */
async function without(table: string, work: () => Promise<void>): Promise<void> {
  const sql = postgres(service.app.databaseUrl, { max: 1 });
  try {
    await sql.unsafe(`alter table ${table} rename to ${table}_away`);
    await work();
  } finally {
    await sql.unsafe(`alter table if exists ${table}_away rename to ${table}`);
    await sql.end();
  }
}

const get = (path: string, url = service.url) =>
  fetch(`${url}${path}`, { headers: { 'x-api-key': sandboxKey } });

describe('While a table is missing', () => {
  it('a query shows the fault at its field, and answers the rest', async () => {
    await without('jobs', async () => {
      const { data, errors } = await service.query(
        'query($id: ID!) { viewer { sandbox } node(id: $id) { id ... on Batch { jobs { totalCount } } } }',
        { id },
      );
      expect(errors).toEqual([internal(['node', 'jobs'])]);
      expect(data).toEqual({ viewer: { sandbox: true }, node: null });
      expect(JSON.stringify(errors)).not.toMatch(inside);
    });
  });

  it('a mutation shows the fault, stores nothing and works again afterwards', async () => {
    const input = { provider: 'openai', name: 'half made', requests: { list: [{ body: chatBody('q') }] } };
    await without('items', async () => {
      const { data, errors } = await service.query(mutationDocument('createBatch'), { input });
      expect(data).toBeNull();
      expect(errors).toEqual([internal(['createBatch'])]);
    });
    const { data } = await service.query('{ batches { edges { node { name } } } }');
    expect(data.batches.edges.map(({ node }: { node: { name: string } }) => node.name)).not.toContain(
      'half made',
    );
    expect((await mutate(service, 'createBatch', input)).__typename).toBe('CreateBatchPayload');
  });

  it.each(Object.entries(transports))(
    'a subscription over %s shows the fault and ends',
    async (_name, subscribe) => {
      await without('batches', async () => {
        const query = 'subscription($id: ID!) { batchUpdated(id: $id) { seq } }';
        const subscriber = subscribe({ url: service.url, query, variables: { id } });
        await subscriber.done.catch(() => undefined);
        expect(subscriber.messages).toEqual([{ errors: [internal(['batchUpdated'])] }]);
        await subscriber.stop();
      });
    },
  );

  it.each(['', '/input.jsonl', '/output.jsonl'])('the plain route %s answers 500', async (rest) => {
    await without('batches', async () => {
      const response = await get(`/batches/${uuid}${rest}`);
      expect(response.status).toBe(500);
      expect(await response.json()).toEqual(plainInternal);
    });
  });

  it('each fault was logged for the operator, who finds the code of the database there', () => {
    const faults = service.logged.filter(({ msg }) => String(msg).includes('by a fault of the service'));
    expect(faults.length).toBeGreaterThanOrEqual(7);
    for (const { level, err } of faults) {
      expect(level).toBe('error');
      expect(JSON.stringify(err)).toContain('42P01');
    }
  });
});

describe('When the whole database is gone', () => {
  it('every door shows the fault, and none shows more', async () => {
    const gone = await startTestService();
    try {
      const { pathname } = new URL(gone.app.databaseUrl);
      const elsewhere = new URL(gone.app.databaseUrl);
      elsewhere.pathname = 'postgres';
      const administrator = postgres(elsewhere.href, { max: 1 });
      await administrator.unsafe(`drop database ${pathname.slice(1)} with (force)`);
      await administrator.end();

      const answer = await fetch(`${gone.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': sandboxKey },
        body: JSON.stringify({ query: '{ viewer { sandbox } }' }),
      });
      expect(answer.status).toBe(500);
      expect(await answer.json()).toEqual({
        errors: [{ message, extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
      });

      const plain = await get(`/batches/${uuid}`, gone.url);
      expect(plain.status).toBe(500);
      expect(await plain.json()).toEqual(plainInternal);

      const ready = await get('/readyz', gone.url);
      expect(ready.status).toBe(503);
      expect(await ready.text()).not.toMatch(inside);

      // 1013: try again later; 4403 would make clients give up.
      expect(await closingOf(gone)).toMatchObject({ code: 1013, reason: '' });
    } finally {
      await gone.close('broken by hand');
    }
  });
});

/** What closes a new WebSocket connection. */
async function closingOf({ url }: TestService): Promise<unknown> {
  const client = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { 'x-api-key': sandboxKey },
    retryAttempts: 0,
  });
  try {
    return await new Promise((resolve) => {
      client.subscribe(
        { query: '{ viewer { sandbox } }' },
        { next: resolve, error: resolve, complete: () => resolve(null) },
      );
    });
  } finally {
    await client.dispose();
  }
}
