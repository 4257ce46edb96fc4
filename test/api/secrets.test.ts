/** The log holds no prompt, no answer, no key and no secret, whatever is logged and whatever goes wrong on the way. */
import postgres from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import type { FaultEffect } from '../../src/providers/emulation.ts';
import { bodyFor } from '../support/documents.ts';
import { mutateWithFile } from '../support/multipart.ts';
import { mutate, mutationDocument } from '../support/mutations.ts';
import { startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';

const marker = 'S3CRET-M4RKER';
const key = 'bq_operator_S3CRET-K3Y';
let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    LOG_LEVEL: 'trace',
    BATCHQL_API_KEY: key,
    CALLBACK_ALLOW: '127.0.0.1',
    CALLBACK_SECONDS: '1',
  });
});
afterAll(() => service.close('broken by hand'));

/** Every provider, and every way in which its items and batches can end. */
const fates = ['', 'errored', 'expired', 'overloaded', 'missing', 'malformed', 'doubled', 'foreign'];
const failedBatches = ['job-failed', 'job-expired', 'unknown-status'];

it.each(['openai', 'anthropic'])(
  'A prompt for %s stays out of the log on its whole way',
  async (provider) => {
    const body = (fate: string) => bodyFor(provider, marker, fate === '' ? '' : `emulate:${fate}`);
    const list = fates.map((fate) => ({ customId: `${marker}-${fate}`, body: body(fate) }));
    const named = { provider, name: marker, metadata: { marker } };
    const { batch } = await mutate(
      service,
      'createBatch',
      { ...named, requests: { list }, submit: 'NOW' },
      { key },
    );
    for (const fate of failedBatches) {
      const input = { provider, requests: { jsonl: JSON.stringify({ body: body(fate) }) }, submit: 'NOW' };
      await mutate(service, 'createBatch', input, { key });
    }
    await mutateWithFile(service, {
      name: 'createBatch',
      input: { provider, submit: 'NOW' },
      content: JSON.stringify({ body: body('') }),
      key,
    });

    await service.work();
    await service.turn(30, 15);

    const { faults } = service.emulator(provider);
    const echo = JSON.stringify({ error: { type: 'invalid_request_error', code: marker, message: marker } });
    const misbehaviours: FaultEffect[] = [
      ...[400, 401, 429, 500, 200].map((status) => ({ kind: 'answer' as const, status, body: echo })),
      { kind: 'answer', status: 200, body: `${marker} is not JSON` },
      { kind: 'drop' },
      { kind: 'accept-and-drop' },
      { kind: 'tear', afterBytes: 40 },
    ];
    for (const effect of misbehaviours) {
      faults.add({ operation: '*', effect, times: 2 });
      await mutate(service, 'createBatch', { ...named, requests: { list }, submit: 'NOW' }, { key });
      await service.work();
      await service.turn(30, 15);
    }
    faults.clear();
    await service.turn(1200, 300);

    const { data } = await service.query(
      `query($id: ID!) { batch(id: $id) { status name url items { edges { node { request response text error { message } } } } } }`,
      { id: batch.id },
      key,
    );
    // The secret went all the way, so that there was something to leak.
    expect(data.batch.status).toBe('COMPLETED');
    expect(JSON.stringify(data.batch.items)).toContain(marker);
    for (const kind of ['input', 'output', 'errors']) {
      const response = await fetch(`${data.batch.url}/${kind}.jsonl`, {
        headers: { authorization: `Bearer ${key}` },
      });
      expect(await response.text()).toContain(marker);
    }
    expectNothingLogged();
  },
);

it('A callback URL, what it is signed with and what its receiver says stay out of the log', async () => {
  const receiver = await startReceiver();
  const { callbackSecret } = await mutate(service, 'rotateCallbackSecret', {}, { key });
  receiver.answer(
    (response) => response.writeHead(500, marker, { [marker]: marker, 'retry-after': marker }).end(marker),
    (response) => response.writeHead(302, { location: `https://${marker}.example` }).end(),
    (response) => response.destroy(new Error(marker)),
    () => undefined,
    (response) => response.socket?.end(`${marker} is not HTTP\r\n\r\n`),
    410,
  );
  for (const callbackUrl of [`${receiver.url}/${marker}?${marker}`, `https://${marker}.invalid/${marker}`]) {
    const { batch } = await mutate(service, 'createBatch', { provider: 'openai', callbackUrl }, { key });
    await mutate(service, 'cancelBatch', { batchId: batch.id }, { key });
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      await service.work();
      service.clock.advance({ hours: 16 });
    }
    const document =
      'query($id: ID!) { batch(id: $id) { callback { status attempts { totalCount edges { node { error } } } } } }';
    const { data } = await service.query(document, { id: batch.id }, key);
    expect(data.batch.callback.status).toBe('FAILED');
    expect(JSON.stringify(data)).not.toContain(marker);
  }
  expect(receiver.calls).toHaveLength(6);
  await receiver.close();
  const given = service.logged.filter(({ msg }) => msg === 'a callback was given up');
  expect(given).toMatchObject([
    { attempts: 6, statusCode: 410 },
    { attempts: 8, statusCode: null },
  ]);
  expectNothingLogged();
  expect(service.logged.map((line) => JSON.stringify(line)).join()).not.toContain(callbackSecret.secret);
});

it('A wrong call stays out of the log, whatever is wrong with it', async () => {
  const graphql = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${service.url}/graphql?${marker}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
      body,
    }).then((response) => response.text());
  const query = mutationDocument('createBatch');
  const create = (input: unknown) => graphql(JSON.stringify({ query, variables: { input } }));
  await graphql(`{"${marker}`);
  await graphql(JSON.stringify({ query: `{ ${marker}(` }));
  await graphql(JSON.stringify({ query: `{ ${marker.replace('-', '')} }` }));
  await graphql(JSON.stringify({ query: '{ viewer { sandbox } }' }), {
    authorization: `Bearer ${key}${marker}`,
  });
  await create({ provider: marker });
  await create({ provider: 'openai', [marker]: marker });
  await create({ provider: 'openai', metadata: { [marker]: 1 } });
  await create({ provider: 'openai', requests: { list: [{ body: marker }], jsonl: marker } });
  await create({ provider: 'openai', requests: { list: [{ body: marker }] } });
  await create({ provider: 'openai', requests: { jsonl: `{"body": ${marker}` } });
  await create({
    provider: 'openai',
    requests: {
      list: [
        { customId: marker, body: {} },
        { customId: marker, body: {} },
      ],
    },
  });
  for (const subscribe of Object.values(transports)) {
    const document = 'subscription($after: String) { batchesUpdated(after: $after) { seq } }';
    const subscriber = subscribe({ url: service.url, query: document, variables: { after: marker }, key });
    await subscriber.done.catch(() => undefined);
    await subscriber.stop();
  }
  await fetch(`${service.url}/batches/${marker}/input.jsonl?after=${marker}`, {
    headers: { 'x-api-key': key },
  });
  expectNothingLogged();
});

it('A row that the database refuses is logged without what stands in it', async () => {
  const sql = postgres(service.app.databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql`create function refuse() returns trigger language plpgsql as $$
      begin raise exception 'refused: %', new.request using detail = new.request, hint = new.custom_id; end $$`;
    await sql`create trigger refuse before insert on items for each row execute function refuse()`;
    const before = service.logged.length;
    const requests = { list: [{ customId: marker, body: bodyFor('openai', marker) }] };
    const { errors } = await service.query(
      mutationDocument('createBatch'),
      { input: { provider: 'openai', requests } },
      key,
    );
    expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
    expect(JSON.stringify(errors)).not.toContain(marker);
    expect(service.logged.slice(before)).toMatchObject([{ level: 'error', err: { code: 'P0001' } }]);
    expectNothingLogged();
  } finally {
    await sql`drop trigger if exists refuse on items`;
    await sql.end();
  }
});

it('A stored body that is broken is logged without what stands in it', async () => {
  const requests = { list: [{ body: bodyFor('openai', 'whole') }] };
  const { batch } = await mutate(
    service,
    'createBatch',
    { provider: 'openai', requests },
    { key, batch: 'id uuid' },
  );
  const sql = postgres(service.app.databaseUrl, { max: 1 });
  await sql`update items set request = ${marker} where batch_id = ${batch.uuid}`;
  await sql.end();
  const before = service.logged.length;
  const { errors } = await service.query(
    'query($id: ID!) { batch(id: $id) { items { edges { node { request } } } } }',
    { id: batch.id },
    key,
  );
  expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
  expect(JSON.stringify(errors)).not.toContain(marker);
  expect(service.logged.slice(before)).toMatchObject([{ level: 'error', err: { name: 'SyntaxError' } }]);
  expectNothingLogged();
});

it('The search through the log finds what is there', () => {
  service.app.services.log.info({ prompt: marker }, 'a line that nobody should write');
  expect(() => expectNothingLogged()).toThrow(marker);
});

function expectNothingLogged(): void {
  const log = service.logged.map((line) => JSON.stringify(line)).join('\n');
  const keys = [sandboxKey, key, ...['openai', 'anthropic'].map((name) => service.emulator(name).apiKey)];
  for (const secret of [marker, ...keys]) expect(log).not.toContain(secret);
}
