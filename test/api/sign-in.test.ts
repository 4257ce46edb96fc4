/** Nothing is answered without a good key, through no door; and what a key allows is what it can do. */
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { sandboxKey } from '../../src/first-keys.ts';
import { addKey, organizationOf } from '../support/keys.ts';
import { mutationDocument } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';

let service: TestService;
let organization: { organizationId: string };
beforeAll(async () => {
  service = await startTestService();
  organization = await organizationOf(service);
});
afterAll(() => service.close());

type Headers = Record<string, string>;
const viewer = '{ viewer { apiKey { name scope } sandbox } }';
const feed = 'subscription { batchesUpdated { seq } }';
const json = { 'content-type': 'application/json' };
const stream = { accept: 'text/event-stream' };

/** Every way to ask over HTTP. */
const doors: Record<string, (headers: Headers, url?: string) => Promise<Response>> = {
  POST: (headers, url = service.url) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { ...json, ...headers },
      body: JSON.stringify({ query: viewer }),
    }),
  GET: (headers, url = service.url) =>
    fetch(`${url}/graphql?query=${encodeURIComponent(viewer)}`, { headers }),
  'SSE by POST': (headers, url = service.url) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { ...json, ...stream, ...headers },
      body: JSON.stringify({ query: feed }),
    }),
  'SSE by GET': (headers, url = service.url) =>
    fetch(`${url}/graphql?query=${encodeURIComponent(feed)}`, { headers: { ...stream, ...headers } }),
};

const message = 'Send a valid API key as "Authorization: Bearer <key>" or "x-api-key: <key>".';

/** Fails unless the answer is 401 and says so in the words of GraphQL, whatever it is wrapped in. */
async function expectRefused(response: Response): Promise<void> {
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe('Bearer');
  const text = await response.text();
  const [, body] = /^data: (\{.*\})$/m.exec(text) ?? [null, text];
  expect(JSON.parse(body)).toEqual({ errors: [{ message, extensions: { code: 'UNAUTHENTICATED' } }] });
}

describe.each(Object.entries(doors))('By %s', (_name, ask) => {
  it.each<[string, Headers]>([
    ['no key', {}],
    ['a wrong key', { authorization: 'Bearer bq_wrong' }],
    ['a wrong x-api-key', { 'x-api-key': 'bq_wrong' }],
    ['an empty key', { authorization: 'Bearer ' }],
    ['a key of another scheme', { authorization: `Basic ${sandboxKey}` }],
    ['a key without its scheme', { authorization: sandboxKey }],
  ])('%s is refused with 401 and UNAUTHENTICATED', async (_title, headers) => {
    await expectRefused(await ask(headers));
  });

  it.each<[string, Headers]>([
    ['authorization', { authorization: `Bearer ${sandboxKey}` }],
    ['authorization in lower case', { authorization: `bearer ${sandboxKey}` }],
    ['x-api-key', { 'x-api-key': sandboxKey }],
  ])('a good key in %s is let in', async (_title, headers) => {
    const response = await ask(headers);
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });
});

describe('By WebSocket', () => {
  it.each([
    ['no key', undefined],
    ['a wrong key', { authorization: 'Bearer bq_wrong' }],
    ['a wrong x-api-key', { 'x-api-key': 'bq_wrong' }],
    ['a key that is no text', { authorization: 12 }],
  ])('%s closes the connection with 4403', async (_title, connectionParams) => {
    expect(await askByWebSocket(connectionParams)).toMatchObject({ code: 4403, reason: 'Forbidden' });
  });

  it.each([
    { authorization: `Bearer ${sandboxKey}` },
    { Authorization: `Bearer ${sandboxKey}` },
    { 'x-api-key': sandboxKey },
  ])('a good key is let in (%j)', async (connectionParams) => {
    expect(await askByWebSocket(connectionParams)).toMatchObject({ data: { viewer: { sandbox: true } } });
  });
});

describe('A key', () => {
  it('that was revoked is refused', async () => {
    const key = await addKey(service, organization, { revokedAt: service.clock.now() });
    await expectRefusedEverywhere(key);
  });

  it('works until the moment that it expires', async () => {
    const expiresAt = new Date(service.clock.now().getTime() + 60_000);
    const key = await addKey(service, organization, { expiresAt });
    service.clock.advance({ seconds: 59 });
    expect((await service.query(viewer, {}, key)).errors).toBeUndefined();
    service.clock.advance({ seconds: 1 });
    await expectRefusedEverywhere(key);
  });

  it('tells who it is by viewer', async () => {
    const key = await addKey(service, organization, { name: 'Reader', scope: 'read' });
    const { data } = await service.query(viewer, {}, key);
    expect(data.viewer).toEqual({ apiKey: { name: 'Reader', scope: 'READ' }, sandbox: true });
  });

  it('that may only read queries, subscribes and downloads, and changes nothing', async () => {
    const key = await addKey(service, organization, { scope: 'read' });
    const document = mutationDocument('createBatch', 'id uuid');
    const input = { provider: 'openai', name: 'mine' };
    const { data } = await service.query(document, { input });
    const { id, uuid } = data.createBatch.batch;

    expect(
      (await service.query('query($id: ID!) { batch(id: $id) { name } }', { id }, key)).data.batch.name,
    ).toBe('mine');
    const query = 'subscription($id: ID!) { batchUpdated(id: $id) { batch { name } } }';
    for (const subscribe of Object.values(transports)) {
      const subscriber = subscribe({ url: service.url, query, variables: { id }, key });
      expect(await subscriber.waitFor(() => true)).toEqual({ batchUpdated: { batch: { name: 'mine' } } });
      await subscriber.stop();
    }
    const download = await fetch(`${service.url}/batches/${uuid}/input.jsonl`, {
      headers: { 'x-api-key': key },
    });
    expect(download.status).toBe(200);

    for (const [name, wanted] of Object.entries({
      createBatch: input,
      updateBatch: { batchId: id, name: 'changed' },
      submitBatch: { batchId: id },
      syncBatch: { batchId: id },
      cancelBatch: { batchId: id },
      deleteBatch: { batchId: id },
      redeliverCallback: { batchId: id },
      rotateCallbackSecret: {},
      addRequests: { batchId: id, requests: { list: [] } },
    })) {
      const refused = await service.query(mutationDocument(name), { input: wanted }, key);
      expect(refused.data).toBeNull();
      expect(refused.errors).toMatchObject([
        {
          message: 'This needs a key with the scope "write".',
          path: [name],
          extensions: { code: 'FORBIDDEN' },
        },
      ]);
    }
    expect(
      (await service.query('query($id: ID!) { batch(id: $id) { name status } }', { id })).data.batch,
    ).toEqual({
      name: 'mine',
      status: 'ACCUMULATING',
    });
  });

  it('that may write changes batches', async () => {
    const key = await addKey(service, organization, { scope: 'write' });
    const { data } = await service.query(
      mutationDocument('createBatch'),
      { input: { provider: 'openai' } },
      key,
    );
    expect(data.createBatch.__typename).toBe('CreateBatchPayload');
  });
});

describe('Outside of the sandbox', () => {
  it("the sandbox's key is refused, also where a database has it, and the operator's is let in", async () => {
    const operatorKey = 'bq_operator_0123456789';
    const live = await startTestService({
      SANDBOX: '',
      OPENAI_API_KEY: 'sk-nowhere',
      OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
      BATCHQL_API_KEY: operatorKey,
    });
    try {
      const leftOver = await addKey(live, await organizationOf(live, operatorKey), { sandboxOnly: true });
      for (const key of [sandboxKey, leftOver]) {
        for (const ask of Object.values(doors))
          await expectRefused(await ask({ 'x-api-key': key }, live.url));
      }
      const { data } = await live.query('{ viewer { sandbox } providers { name mode } }', {}, operatorKey);
      expect(data.viewer).toEqual({ sandbox: false });
      for (const { name, mode } of data.providers)
        expect(mode).toBe(name === 'openai' ? 'LIVE' : 'UNCONFIGURED');
      const input = { provider: 'anthropic' };
      const refused = await live.query(mutationDocument('createBatch'), { input }, operatorKey);
      expect(refused.data.createBatch).toEqual({
        __typename: 'ProviderNotConfiguredError',
        code: 'PROVIDER_NOT_CONFIGURED',
        message: 'Provider "anthropic" has no credentials; set ANTHROPIC_API_KEY.',
        provider: 'anthropic',
        setting: 'ANTHROPIC_API_KEY',
      });
    } finally {
      await live.close();
    }
  });
});

async function expectRefusedEverywhere(key: string): Promise<void> {
  for (const ask of Object.values(doors)) await expectRefused(await ask({ authorization: `Bearer ${key}` }));
  expect(await askByWebSocket({ authorization: `Bearer ${key}` })).toMatchObject({ code: 4403 });
  const download = await fetch(`${service.url}/batches/01900000-0000-7000-8000-000000000000/input.jsonl`, {
    headers: { 'x-api-key': key },
  });
  expect(download.status).toBe(401);
}

/** The first message of an operation over a new connection, or what closed the connection. */
async function askByWebSocket(connectionParams: Record<string, unknown> | undefined): Promise<unknown> {
  const client = createClient({
    url: `${service.url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    ...(connectionParams === undefined ? {} : { connectionParams }),
  });
  try {
    return await new Promise((resolve) => {
      client.subscribe({ query: viewer }, { next: resolve, error: resolve, complete: () => resolve(null) });
    });
  } finally {
    await client.dispose();
  }
}
