/** Credentials that organizations bring, by the API of a sandbox: what is kept, who sees what, and where they lead. */
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCredentials } from '../../src/db/queries/credentials.ts';
import { workerScope } from '../../src/domain/scope.ts';
import { openai } from '../../src/providers/openai/index.ts';
import { keepHouse } from '../../src/worker/sweep.ts';
import { bodyFor, chatBody, modelFor } from '../support/documents.ts';
import { makeForeignBatch } from '../support/foreign-batches.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { callsOf, workNext } from '../support/verbs.ts';

const masterKey = Buffer.alloc(32, 'master').toString('base64');
const secrets = {
  apiKey: 'sk-brought-0123456789-S3CRET',
  webhookSecret: 'whsec_UzNDUkVUUzNDUkVUUzNDUkVU',
};

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    CREDENTIALS_KEY: masterKey,
    LOG_LEVEL: 'trace',
    POLL_FIRST_SECONDS: '3600',
    POLL_MAX_SECONDS: '3600',
  });
});
afterAll(() => service.close());

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Json = any;

let count = 0;
async function organization() {
  count += 1;
  const { key } = await service.addOrganization(`organization ${count}`);
  const call = (name: string, input: Record<string, unknown>, batch = 'id uuid'): Promise<Json> =>
    mutate(service, name, input, { key, batch });
  const query = (document: string, variables = {}): Promise<Json> => service.query(document, variables, key);
  return { key, call, query };
}
const settingsOf = (more: Record<string, string>) =>
  Object.entries(more).map(([name, value]) => ({ name, value }));
const input = { provider: 'openai', name: 'ours', apiKey: secrets.apiKey };

/** Everything that the database holds, as text, of every table that there is. */
async function dump(): Promise<string> {
  const { db } = service.app.services;
  const { rows: tables } = await db.read((q) =>
    q.execute<{ name: string }>(sql`select format('%I.%I', table_schema, table_name) as name
      from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')`),
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await db.read((q) => q.execute(sql.raw(`select t::text as row from ${name} t`)));
    texts.push(name, JSON.stringify(rows));
  }
  return texts.join('\n');
}

describe('What is brought', () => {
  it('stands in no dump of the database, log, answer or trail, in whatever form', async () => {
    const { call, query } = await organization();
    const settings = settingsOf({ webhookSecret: secrets.webhookSecret });
    const { credential } = await call('addCredential', { ...input, settings });
    expect(credential).toMatchObject({ lastFour: 'CRET', settings: ['webhookSecret'], status: 'UNTRIED' });
    const refused = await call('addCredential', { ...input, settings: [...settings, ...settings] });
    const requests = { list: [{ body: chatBody('one') }] };
    const { batch } = await call('createBatch', { provider: 'openai', requests, submit: 'NOW' });
    await service.work();
    const seen = await query(
      `query($id: ID!) { batch(id: $id) { audit { edges { node { verb credential { id } } } } errorGroups { sample { error { message } } }
        jobs { edges { node { error { message } evidence raw } } } }
        viewer { organization { credentials { edges { node { id failure webhookUrl } } }
          audit { edges { node { verb outcome credential { name } } } } } } }`,
      { id: batch.id },
    );
    expect(seen.errors).toBeUndefined();
    const stored = await dump();
    expect(stored).toContain(credential.id);
    const told = [stored, JSON.stringify(service.logged), JSON.stringify([credential, refused, seen])];
    for (const secret of Object.values(secrets)) {
      const bytes = Buffer.from(secret);
      for (const form of [secret, bytes.toString('base64').slice(0, -4), bytes.toString('hex')])
        for (const text of told) expect(text.includes(form)).toBe(false);
    }
    expect(stored).not.toContain(masterKey);
    expect(stored).not.toContain(Buffer.from(masterKey, 'base64').toString('hex'));
    expect(seen.data.viewer.organization.audit.edges).toContainEqual({
      node: { verb: 'addCredential', outcome: 'OK', credential: { name: 'ours' } },
    });
  });

  it.each([
    [{ provider: 'nobody' }, ['input', 'provider']],
    [{ settings: settingsOf({ baseUrl: 'http://169.254.169.254' }) }, ['input', 'settings', '0']],
    [{ settings: settingsOf({ webhookSecret: 'no secret' }) }, ['input', 'settings', '0']],
    [
      { provider: 'bedrock', settings: settingsOf({ s3Endpoint: 'http://10.0.0.1' }) },
      ['input', 'settings', '0'],
    ],
  ])('is refused where it is not what the provider takes: %j', async (change, path) => {
    const { call } = await organization();
    const answer = await call('addCredential', { ...input, ...change });
    expect(answer.__typename).toBe('ValidationError');
    expect(answer.issues[0]).toMatchObject({ path });
    expect(JSON.stringify(answer)).not.toMatch(/169\.254|10\.0\.0\.1|S3CRET/);
  });

  it('takes the place of one that is of the same provider and was not replaced before, and of no other', async () => {
    const { call } = await organization();
    const add = async (more = {}) => call('addCredential', { ...input, ...more });
    const [one, anthropic] = [await add(), await add({ provider: 'anthropic' })];
    const refused = { __typename: 'ValidationError', issues: [{ path: ['input', 'replaces'] }] };
    expect(await add({ replaces: anthropic.credential.id })).toMatchObject(refused);
    const two = await add({ replaces: one.credential.id });
    expect(await add({ replaces: one.credential.id })).toMatchObject(refused);
    expect(await add({ replaces: two.credential.id })).toMatchObject({ __typename: 'AddCredentialPayload' });
  });

  it('is used for batches of its own provider alone', async () => {
    const { call } = await organization();
    const { credential } = await call('addCredential', input);
    const answer = await call('createBatch', { provider: 'anthropic', credentialId: credential.id });
    expect(answer).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: ['input', 'credentialId'] }],
    });
  });
});

it('What is revoked is kept for a batch that was taken over with it, until that is collected', async () => {
  const { call, query } = await organization();
  const { apiKey } = service.emulator('openai');
  const { credential } = await call('addCredential', { ...input, apiKey });
  const { providerJobId, jsonl } = await makeForeignBatch(service, openai);
  const wish = { provider: 'openai', providerJobId, requests: { jsonl } };
  const { batch } = await call('adoptJob', wish);
  await call('revokeCredential', { credentialId: credential.id });
  const { services } = service.app;
  const isKept = async () => {
    await keepHouse(services);
    const [row] = await services.db.read((q) => findCredentials(workerScope, q, [credential.id]));
    return row?.sealed !== null;
  };
  expect(await isKept()).toBe(true);
  for (let step = 0; step < 5; step += 1) await workNext(services, service.clock, batch.uuid);
  const { data } = await query('query($id: ID!) { batch(id: $id) { status } }', { id: batch.id });
  expect(data.batch.status).toBe('COMPLETED');
  expect(await isKept()).toBe(false);
});

describe('In a sandbox a credential', () => {
  it('reaches the emulator, which refuses what it does not know, and says so', async () => {
    const { call, query } = await organization();
    await call('addCredential', input);
    const requests = { list: [{ body: chatBody('one') }] };
    const { batch } = await call('createBatch', { provider: 'openai', requests, submit: 'NOW' });
    const before = service.emulator('openai').calls.length;
    await service.work();
    const calls = service.emulator('openai').calls.slice(before);
    expect(calls.map(({ status }) => status)).toEqual([401]);
    const { data } = await query(
      'query($id: ID!) { batch(id: $id) { status sandbox jobs { edges { node { error { code } } } } credential { status } } }',
      { id: batch.id },
    );
    expect(data.batch).toEqual({
      status: 'FAILED',
      sandbox: true,
      jobs: { edges: [{ node: { error: { code: 'credential_refused' } } }] },
      credential: { status: 'FAILING' },
    });
  });

  it.each(['anthropic', 'letta', 'sync', 'gemini', 'mistral', 'xai', 'bedrock', 'anyapi'])(
    'of %s sends a batch and brings its results, like the service’s own',
    async (provider) => {
      const { call, query } = await organization();
      const { apiKey, more = {} } = service.emulator(provider);
      const { data } = await query('{ providers { name credentialSettings { name } } }');
      const { credentialSettings } = data.providers.find(({ name }: Json) => name === provider);
      const own = Object.entries(more).filter(([name]) =>
        credentialSettings.some((setting: Json) => setting.name === name),
      );
      const settings = settingsOf(Object.fromEntries(own));
      const added = await call('addCredential', { provider, name: 'ours', apiKey, settings });
      expect(added.__typename).toBe('AddCredentialPayload');
      const requestsMin = provider === 'bedrock' ? 100 : 20;
      const list = Array.from({ length: requestsMin }, (_, at) => ({
        body: bodyFor(provider, 'one', '', at),
      }));
      const { batch } = await call('createBatch', {
        provider,
        ...modelFor(provider),
        requests: { list },
        submit: 'NOW',
      });
      for (let step = 0; step < 8; step += 1) {
        if (!(await workNext(service.app.services, service.clock, batch.uuid))) break;
      }
      const seen = await query('query($id: ID!) { batch(id: $id) { status credential { id status } } }', {
        id: batch.id,
      });
      expect(seen.data.batch).toEqual({
        status: 'COMPLETED',
        credential: { id: added.credential.id, status: 'WORKING' },
      });
    },
  );
});

describe('A webhook of an organization’s own account', () => {
  /** A credential whose webhooks are signed, and a batch of it that is over at the provider and not asked about. */
  async function endedBatch(calledAt: string | null = null) {
    const own = await organization();
    const emulator = service.emulator('openai');
    const settings = settingsOf({ ...emulator.more });
    const { credential } = await own.call('addCredential', { ...input, apiKey: emulator.apiKey, settings });
    const { data } = await own.query(
      '{ viewer { organization { credentials { edges { node { id webhookUrl } } } } } }',
    );
    const { webhookUrl } = data.viewer.organization.credentials.edges[0].node;
    await emulator.callAt?.(calledAt ?? webhookUrl);
    const requests = { list: [{ body: chatBody('one') }] };
    const { batch } = await own.call('createBatch', { provider: 'openai', requests, submit: 'NOW' });
    await service.work();
    await service.turn(60, 60);
    return { ...own, emulator, credential, webhookUrl, batch };
  }
  const statusOf = async ({ query, batch }: Awaited<ReturnType<typeof endedBatch>>) =>
    (await query('query($id: ID!) { batch(id: $id) { status } }', { id: batch.id })).data.batch.status;

  it('brings its results at once by the path of its credential', async () => {
    const acme = await endedBatch();
    expect(await statusOf(acme)).not.toBe('COMPLETED');
    expect(await acme.emulator.deliver?.()).toBeGreaterThan(0);
    await service.work();
    expect(await statusOf(acme)).toBe('COMPLETED');
  });

  it('wakes nobody else’s job, however well it is signed', async () => {
    const acme = await endedBatch();
    // One account at the emulator, which tells the one path of everybody's batches.
    const other = await endedBatch(acme.webhookUrl);
    expect(acme.webhookUrl).not.toBe(other.webhookUrl);
    const asked = () => callsOf(acme.emulator.calls, 'retrieve');
    const before = asked();
    expect(await acme.emulator.deliver?.()).toBeGreaterThan(1);
    await service.work();
    expect(await statusOf(acme)).toBe('COMPLETED');
    expect(await statusOf(other)).not.toBe('COMPLETED');
    expect(asked() - before).toBeLessThan(4);
  });

  it('is refused where it is signed otherwise, and at a path that nobody was given', async () => {
    const acme = await endedBatch();
    const post = (url: string) => fetch(url, { method: 'POST', body: '{"type":"batch.completed"}' });
    expect((await post(acme.webhookUrl)).status).toBe(401);
    expect((await post(acme.webhookUrl.replace(/\w{8}$/, '00000000'))).status).toBe(404);
  });

  it('keeps its path when the same key is brought again with the secret that the vendor has told', async () => {
    const { call, query } = await organization();
    const first = await call('addCredential', input);
    const settings = settingsOf({ webhookSecret: secrets.webhookSecret });
    await call('addCredential', { ...input, settings, replaces: first.credential.id });
    const { data } = await query(
      '{ viewer { organization { credentials { edges { node { settings webhookUrl } } } } } }',
    );
    const [newer, older] = data.viewer.organization.credentials.edges.map(({ node }: Json) => node);
    expect(newer.webhookUrl).toBe(older.webhookUrl);
  });
});

describe('A service', () => {
  it('without a key to encrypt with keeps none, and says so', async () => {
    const bare = await startTestService();
    try {
      expect(await mutate(bare, 'addCredential', input)).toMatchObject({
        __typename: 'CredentialsNotKeptError',
        code: 'CREDENTIALS_NOT_KEPT',
      });
      expect(await dump()).not.toContain(secrets.apiKey);
    } finally {
      await bare.close();
    }
  });
});
