/**
 * Organizations that bring a provider's credential of their own, to a real provider with several accounts: each batch
 * goes to the account of the credential that it is pinned to, is followed there, and says so when that one fails.
 */
import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Emulator } from '../../src/providers/emulation.ts';
import { keepHouse } from '../../src/worker/sweep.ts';
import { type Accounts, startAccounts } from '../support/accounts.ts';
import { chatBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, jobNow, makeBatch, workNext } from '../support/verbs.ts';

const serviceKey = 'sk-the-services-own-0123456789';
const keyOf = (name: string) => `sk-of-${name}-${randomBytes(8).toString('hex')}`;

let accounts: Accounts;
let service: TestService;
let servicesAccount: Emulator;
beforeAll(async () => {
  accounts = await startAccounts();
  service = await startTestService({
    SANDBOX: 'false',
    OPENAI_BASE_URL: accounts.baseUrl,
    OPENAI_API_KEY: serviceKey,
    CREDENTIALS_KEY: randomBytes(32).toString('base64'),
  });
  servicesAccount = await accounts.open(serviceKey, service.clock);
});
afterAll(async () => {
  await service.close();
  await accounts.close();
});

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Json = any;

/** An organization with an account at the provider, and that account's credential. */
interface Tenant {
  readonly key: string;
  readonly apiKey: string;
  readonly account: Emulator;
  readonly credentialId: string;
  call(name: string, input: Record<string, unknown>, batch?: string): Promise<Json>;
}

let count = 0;
async function tenant(): Promise<Tenant> {
  count += 1;
  const { key } = await service.addOrganization(`tenant ${count}`);
  const apiKey = keyOf(`tenant-${count}`);
  const account = await accounts.open(apiKey, service.clock);
  const call = (name: string, input: Record<string, unknown>, batch = 'id uuid status') =>
    mutate(service, name, input, { key, batch });
  const { credential } = await call('addCredential', { provider: 'openai', name: 'ours', apiKey });
  return { key, apiKey, account, credentialId: credential.id, call };
}

const requests = { list: [{ body: chatBody('one') }, { body: chatBody('two') }] };
const submit = async ({ call }: Tenant, more: Record<string, unknown> = {}): Promise<Json> =>
  (await call('createBatch', { provider: 'openai', submit: 'NOW', requests, ...more })).batch;

/** The batch as its owner sees it, and its first job's trouble. */
async function seen({ key }: Pick<Tenant, 'key'>, id: string): Promise<Json> {
  const query = `query($id: ID!) { batch(id: $id) { status credential { id status failure }
    jobs { edges { node { status error { code message } } } } } }`;
  const { batch } = (await service.query(query, { id }, key)).data;
  return { ...batch, job: batch.jobs.edges[0]?.node };
}
const credentialOf = async ({ key }: Tenant, at = 0): Promise<Json> => {
  const query = `{ viewer { organization { credentials { edges { node {
    id name lastFour status failingSince failure lastUsedAt revokedAt replacedBy { id } } } } } } }`;
  return (await service.query(query, {}, key)).data.viewer.organization.credentials.edges[at].node;
};
const created = ({ calls }: Emulator) => callsOf(calls, 'create');

let before: number;
beforeEach(() => {
  before = created(servicesAccount);
});

describe('A batch of an organization that has brought a credential', () => {
  it('goes to its account and no other, and is followed there to its results', async () => {
    const [acme, other] = [await tenant(), await tenant()];
    const { id } = await submit(acme);
    await service.work();
    await service.turn(60, 30);
    expect(await seen(acme, id)).toMatchObject({
      status: 'COMPLETED',
      credential: { id: acme.credentialId, status: 'WORKING' },
    });
    expect(created(acme.account)).toBe(1);
    expect(created(other.account)).toBe(0);
    expect(created(servicesAccount)).toBe(before);
    expect(await credentialOf(acme)).toMatchObject({
      lastFour: acme.apiKey.slice(-4),
      lastUsedAt: expect.any(String),
    });
  });

  it('is pinned: a newer credential, and another for the service, change nothing of it', async () => {
    const acme = await tenant();
    const { id } = await submit(acme);
    await service.work();
    service.clock.advance({ seconds: 1 });
    const newer = keyOf('newer');
    const account = await accounts.open(newer, service.clock);
    const { credential } = await acme.call('addCredential', {
      provider: 'openai',
      name: 'newer',
      apiKey: newer,
    });
    await service.turn(60, 30);
    expect(await seen(acme, id)).toMatchObject({
      status: 'COMPLETED',
      credential: { id: acme.credentialId },
    });
    expect(account.calls).toEqual([]);

    const next = await submit(acme);
    const named = await submit(acme, { credentialId: acme.credentialId });
    expect(await seen(acme, next.id)).toMatchObject({ credential: { id: credential.id } });
    expect(await seen(acme, named.id)).toMatchObject({ credential: { id: acme.credentialId } });
    await service.work();
    expect([created(acme.account), created(account)]).toEqual([2, 1]);
  });

  it('whose answer was lost is looked for in its own account, and found', async () => {
    const acme = await tenant();
    acme.account.faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });
    const { id } = await submit(acme);
    await service.work();
    await service.turn(900, 60);
    expect(await seen(acme, id)).toMatchObject({ status: 'COMPLETED' });
    expect(created(acme.account)).toBe(1);
    expect(callsOf(acme.account.calls, 'list')).toBeGreaterThan(0);
  });

  it('that was made elsewhere is asked of its own account, and of no other', async () => {
    const acme = await tenant();
    const asked = () => [acme.account, servicesAccount].map(({ calls }) => callsOf(calls, 'retrieve'));
    const [own = 0, services] = asked();
    const jsonl = JSON.stringify({ customId: 'one', body: chatBody('one') });
    const wish = { provider: 'openai', providerJobId: 'batch_elsewhere', requests: { jsonl } };
    expect(await acme.call('adoptJob', wish)).toMatchObject({ problem: 'NOT_THERE' });
    expect(asked()).toEqual([own + 1, services]);
  });
});

describe('A credential that its provider refuses', () => {
  it('keeps a job that runs waiting, is said to fail, and works again when it is taken again', async () => {
    const acme = await tenant();
    const { id } = await submit(acme);
    await service.work();
    accounts.refuse(acme.apiKey);
    await service.turn(120, 60);
    const waiting = await seen(acme, id);
    expect(waiting).toMatchObject({
      status: 'VALIDATING',
      credential: { status: 'FAILING' },
      job: { status: 'PENDING', error: { code: 'credential_refused' } },
    });
    expect(waiting.job.error.message).toContain('"ours"');
    expect(JSON.stringify([waiting, await credentialOf(acme)])).not.toContain(acme.apiKey);
    accounts.take(acme.apiKey);
    await service.turn(3600, 900);
    expect(await seen(acme, id)).toMatchObject({ status: 'COMPLETED', credential: { status: 'WORKING' } });
    expect(await credentialOf(acme)).toMatchObject({ failingSince: null, failure: null });
    expect(created(servicesAccount)).toBe(before);
  });

  it('makes room for the key that replaces it: what was sent is followed with that one, and sent once', async () => {
    const acme = await tenant();
    const { id } = await submit(acme);
    await service.work();
    accounts.refuse(acme.apiKey);
    await service.turn(60, 60);
    const renewed = keyOf('renewed');
    accounts.also(renewed, acme.apiKey);
    const { credential } = await acme.call('addCredential', {
      provider: 'openai',
      name: 'renewed',
      apiKey: renewed,
      replaces: acme.credentialId,
    });
    await service.turn(3600, 900);
    expect(await seen(acme, id)).toMatchObject({ status: 'COMPLETED' });
    expect(created(acme.account)).toBe(1);
    expect(await credentialOf(acme, 1)).toMatchObject({
      status: 'REVOKED',
      replacedBy: { id: credential.id },
    });
  });

  it('and is replaced by one of another account costs nothing: that one knows no job, and the job waits', async () => {
    const acme = await tenant();
    const { id, uuid } = await submit(acme);
    await service.work();
    accounts.refuse(acme.apiKey);
    await service.turn(60, 60);
    const wrong = keyOf('wrong');
    await accounts.open(wrong, service.clock);
    await acme.call('addCredential', {
      provider: 'openai',
      name: 'wrong',
      apiKey: wrong,
      replaces: acme.credentialId,
    });
    // Often enough for an answer about the job itself to be taken for its end.
    for (let step = 0; step < 25; step += 1) await workNext(service.app.services, service.clock, uuid);
    expect((await seen(acme, id)).job).toMatchObject({
      status: 'PENDING',
      error: { code: 'unknown_to_credential' },
    });
    expect(created(acme.account)).toBe(1);
  });
});

describe('A credential that is revoked', () => {
  it('sends nothing new, and is used for what runs until its secret is not needed any more', async () => {
    const acme = await tenant();
    const running = await submit(acme);
    const { batch: open } = await acme.call('createBatch', { provider: 'openai', requests });
    await service.work();
    await acme.call('revokeCredential', { credentialId: acme.credentialId });
    const refused = {
      __typename: 'CredentialUnusableError',
      reason: 'REVOKED',
      credentialId: acme.credentialId,
    };
    expect(await acme.call('submitBatch', { batchId: open.id })).toMatchObject(refused);
    const named = { provider: 'openai', credentialId: acme.credentialId };
    expect(await acme.call('createBatch', named)).toMatchObject(refused);
    await keepHouse(service.app.services);
    await service.turn(60, 30);
    expect(await seen(acme, running.id)).toMatchObject({ status: 'COMPLETED' });
    await keepHouse(service.app.services);
    expect(await secretsOf(acme.credentialId)).toEqual([null]);
    expect(created(acme.account)).toBe(1);
  });

  it('keeps a job that was not sent yet waiting, which goes on with the one that replaces it', async () => {
    const acme = await tenant();
    const { id } = await submit(acme);
    await acme.call('revokeCredential', { credentialId: acme.credentialId });
    await service.work();
    expect((await seen(acme, id)).job).toMatchObject({
      status: 'CREATED',
      error: { code: 'credential_revoked' },
    });
    const renewed = keyOf('renewed');
    accounts.also(renewed, acme.apiKey);
    const replaces = acme.credentialId;
    await acme.call('addCredential', { provider: 'openai', name: 'renewed', apiKey: renewed, replaces });
    await service.turn(600, 60);
    expect(await seen(acme, id)).toMatchObject({ status: 'COMPLETED' });
    expect(created(acme.account)).toBe(1);
  });

  it('immediately is forgotten at once: what runs says so, and waits', async () => {
    const acme = await tenant();
    const { id } = await submit(acme);
    await service.work();
    const asked = acme.account.calls.length;
    await acme.call('revokeCredential', { credentialId: acme.credentialId, immediately: true });
    expect(await secretsOf(acme.credentialId)).toEqual([null]);
    await service.turn(120, 60);
    expect((await seen(acme, id)).job).toMatchObject({
      status: 'PENDING',
      error: { code: 'credential_forgotten' },
    });
    expect(acme.account.calls).toHaveLength(asked);
  });
});

describe('A provider', () => {
  it('is live to the organization that has brought a credential, where the service has none', async () => {
    const [acme, other] = [await tenant(), await tenant()];
    await acme.call('addCredential', { provider: 'anthropic', name: 'ours', apiKey: keyOf('anthropic') });
    const modeFor = async ({ key }: Tenant) => {
      const { data } = await service.query('{ providers { name mode credential { name } } }', {}, key);
      return data.providers.find(({ name }: Json) => name === 'anthropic');
    };
    expect(await modeFor(acme)).toMatchObject({ mode: 'LIVE', credential: { name: 'ours' } });
    expect(await modeFor(other)).toMatchObject({ mode: 'UNCONFIGURED', credential: null });
    const refused = { __typename: 'ProviderNotConfiguredError', setting: 'ANTHROPIC_API_KEY' };
    expect(await other.call('createBatch', { provider: 'anthropic' })).toMatchObject(refused);
    expect(await acme.call('createBatch', { provider: 'anthropic' })).toMatchObject({ batch: {} });
  });

  it('whose service shares its own credential with nobody sends nothing new with it, and follows what runs', async () => {
    const { services } = service.app;
    const alone = { ...services, credentials: { ...services.credentials, shared: false } };
    const { scope } = await service.addOrganization('without a credential');
    const batch = await makeBatch(services, scope);
    await service.work();
    const before = created(servicesAccount);
    await expect(makeBatch(alone, scope)).rejects.toThrow('called with your own credential only');
    const unsent = await makeBatch(services, scope);
    await workNext(alone, service.clock, unsent.id);
    expect(await jobNow(services, unsent.id)).toMatchObject({
      status: 'CREATED',
      errorCode: 'provider_not_configured',
    });
    expect(created(servicesAccount)).toBe(before);
    for (let step = 0; step < 5; step += 1) await workNext(alone, service.clock, batch.id);
    expect((await batchNow(services, batch.id)).status).toBe('COMPLETED');
  });
});

const secretsOf = async (id: string): Promise<unknown[]> => {
  const statement = sql`select sealed from credentials where id = ${id}::uuid`;
  const { rows } = await service.app.services.db.read((q) => q.execute<{ sealed: unknown }>(statement));
  return rows.map(({ sealed }) => sealed);
};
