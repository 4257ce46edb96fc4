/** Keys of an organization: made and taken back by its admins, seen by all of it, and never shown again. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findKey } from '../../src/db/queries/organizations.ts';
import { sandboxKey } from '../../src/first-keys.ts';
import { hashOfKey } from '../../src/sign-in.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let acme: string;
let globex: string;
beforeAll(async () => {
  service = await startTestService();
  acme = (await service.addOrganization('Acme')).key;
  globex = (await service.addOrganization('Globex')).key;
});
afterAll(() => service.close());

const createKey = (input: Record<string, unknown> = {}, key = acme) =>
  mutate(service, 'createApiKey', { name: 'ci', scope: 'WRITE', ...input }, { key });

const fields = 'id name prefix scope createdAt expiresAt revokedAt lastUsedAt createdBy { name }';
const listDocument = `query($first: Int, $after: String) { viewer { organization {
  apiKeys(first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor } edges { node { ${fields} } } } } } }`;
const listKeys = async (variables = {}, key = acme) =>
  (await service.query(listDocument, variables, key)).data.viewer.organization.apiKeys;

describe('A key that is made', () => {
  it('signs in for its organization with its scope, and is answered this once', async () => {
    const { key, apiKey } = await createKey();
    expect(key).toMatch(/^bq_[0-9a-f]{64}$/);
    expect(apiKey).toMatchObject({ name: 'ci', prefix: key.slice(0, 11), scope: 'WRITE', revokedAt: null });
    const document = '{ viewer { organization { name } apiKey { id name } } }';
    const { data } = await service.query(document, {}, key);
    expect(data.viewer).toEqual({ organization: { name: 'Acme' }, apiKey: { id: apiKey.id, name: 'ci' } });
    expect(JSON.stringify(await listKeys())).not.toContain(key.slice(11));
  });

  it('stands in the list of its organization with who made it, newest first, and in no other', async () => {
    service.clock.advance({ seconds: 1 });
    const { apiKey } = await createKey({ name: 'newest' });
    const { edges, totalCount } = await listKeys({ first: 1 });
    expect(edges).toMatchObject([{ node: { id: apiKey.id, name: 'newest', createdBy: { name: 'Acme' } } }]);
    const next = await listKeys({ first: 100, after: (await listKeys({ first: 1 })).pageInfo.endCursor });
    expect(next.edges).toHaveLength(totalCount - 1);
    const others = await listKeys({}, globex);
    expect(others.edges.map(({ node }: { node: { name: string } }) => node.name)).toEqual(['Globex']);
  });

  it('must have an end that lies ahead, where it has one', async () => {
    expect(await createKey({ expiresAt: service.clock.now().toISOString() })).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: ['input', 'expiresAt'], message: 'expiresAt must lie in the future.' }],
    });
  });

  it('signs in until its end', async () => {
    const expiresAt = new Date(service.clock.now().getTime() + 3_600_000).toISOString();
    const { key, apiKey } = await createKey({ expiresAt });
    expect(apiKey.expiresAt).toBe(expiresAt);
    service.clock.advance({ minutes: 59 });
    expect((await service.query('{ viewer { sandbox } }', {}, key)).errors).toBeUndefined();
    service.clock.advance({ minutes: 1 });
    const { errors } = await service.query('{ viewer { sandbox } }', {}, key);
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  });

  it("by the sandbox's well-known key opens nothing that is real", async () => {
    const { key } = await createKey({ scope: 'ADMIN' }, sandboxKey);
    const { key: second } = await createKey({ scope: 'ADMIN' }, key);
    const { key: own } = await createKey({ scope: 'ADMIN' });
    const opens = (key: string) =>
      service.app.services.db.read((q) =>
        findKey(q, { hash: hashOfKey(key), now: service.clock.now(), sandbox: false }),
      );
    expect([await opens(key), await opens(second)]).toEqual([null, null]);
    expect(await opens(own)).not.toBeNull();
  });
});

describe('A key that is taken back', () => {
  it('signs nobody in any more, and stays in the list with when that was', async () => {
    const { key, apiKey } = await createKey();
    const { apiKey: revoked } = await mutate(service, 'revokeApiKey', { apiKeyId: apiKey.id }, { key: acme });
    expect(revoked).toMatchObject({ id: apiKey.id, revokedAt: service.clock.now().toISOString() });
    const { errors } = await service.query('{ viewer { sandbox } }', {}, key);
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    service.clock.advance({ seconds: 5 });
    const again = await mutate(service, 'revokeApiKey', { apiKeyId: apiKey.id }, { key: acme });
    expect(again.apiKey.revokedAt).toBe(revoked.revokedAt);
    const { edges } = await listKeys({ first: 100 });
    expect(edges).toContainEqual({
      node: expect.objectContaining({ id: apiKey.id, revokedAt: revoked.revokedAt }),
    });
  });

  it('by another organization is not there, and goes on', async () => {
    const { key, apiKey } = await createKey();
    expect(await mutate(service, 'revokeApiKey', { apiKeyId: apiKey.id }, { key: globex })).toEqual({
      __typename: 'NotFoundError',
      code: 'NOT_FOUND',
      message: 'There is no API key with this id.',
      id: apiKey.id,
    });
    expect((await service.query('{ viewer { sandbox } }', {}, key)).errors).toBeUndefined();
  });
});

it('When a key was used last is known to within a minute, for at most one write in it', async () => {
  const { key, apiKey } = await createKey();
  const lastUsed = async () => {
    const { edges } = await listKeys({ first: 100 });
    return edges.find(({ node }: { node: { id: string } }) => node.id === apiKey.id).node.lastUsedAt;
  };
  const use = async () => {
    service.statements.length = 0;
    await Promise.all([1, 2, 3].map(() => service.query('{ viewer { sandbox } }', {}, key)));
    return service.statements.filter((statement) => /^update "api_keys"/.test(statement)).length;
  };
  expect(await lastUsed()).toBeNull();
  await service.query('{ viewer { sandbox } }', {}, key);
  const first = service.clock.now().toISOString();
  expect(await lastUsed()).toBe(first);
  service.clock.advance({ seconds: 60 });
  expect(await use()).toBe(0);
  expect(await lastUsed()).toBe(first);
  service.clock.advance({ seconds: 1 });
  expect(await use()).toBeGreaterThan(0);
  expect(await use()).toBe(0);
  expect(await lastUsed()).toBe(service.clock.now().toISOString());
});

it('A batch tells which key created it, and which changed it last', async () => {
  const { key: writer } = await createKey({ name: 'writer' });
  const { key: reader } = await createKey({ name: 'reader', scope: 'READ' });
  const made = await mutate(service, 'createBatch', { provider: 'openai' }, { key: writer });
  const document = `query($id: ID!) { batch(id: $id) { createdBy { name prefix } lastUpdatedBy { name } } }`;
  const read = async () => (await service.query(document, { id: made.batch.id }, reader)).data.batch;
  expect(await read()).toEqual({
    createdBy: { name: 'writer', prefix: writer.slice(0, 11) },
    lastUpdatedBy: { name: 'writer' },
  });
  await mutate(service, 'updateBatch', { batchId: made.batch.id, name: 'mine' }, { key: acme });
  expect(await read()).toMatchObject({ createdBy: { name: 'writer' }, lastUpdatedBy: { name: 'Acme' } });
});
