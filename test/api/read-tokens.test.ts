/**
 * A read token is a key's right to read some batches, for a while: it shows of them what the key shows, on every
 * transport, and nothing else of the organization. That other batches are absent to it by every id, list and address is
 * also held by `isolation.test.ts` and `isolation-changes.test.ts`.
 */
import { getNamedType, isObjectType, parse, print, TypeInfo, visit, visitWithTypeInfo } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { globalId } from '../../src/resolvers/arguments.ts';
import { schema } from '../../src/schema/index.ts';
import { ask } from '../support/asking.ts';
import { documentOf, nodeTypes, rootsOf } from '../support/isolation-cases.ts';
import { addKey, organizationOf, tokenOf } from '../support/keys.ts';
import { mutate, mutationDocument } from '../support/mutations.ts';
import { leastInput, mutationNames, nobodysId } from '../support/sample-inputs.ts';
import { fieldsOf, selectionsOf } from '../support/selections.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';
import { settle, type Tenant, tenantSettings } from '../support/tenant.ts';

let service: TestService;
let tenant: Tenant;
let other: string;
/** For the batch that is done; for that one and another; for all. */
let tokens: { one: string; two: string; all: string };
beforeAll(async () => {
  service = await startTestService(tenantSettings);
  const { key } = await service.addOrganization('owner');
  tenant = await settle(service, 'owner', key);
  other = await tenant.open();
  tokens = {
    one: await tokenOf(service, key, tenant.done),
    two: await tokenOf(service, key, tenant.done, other),
    all: await tokenOf(service, key),
  };
});
afterAll(() => service.close());

const make = (input: Record<string, unknown>, key = tenant.key) =>
  mutate(service, 'createReadToken', input, { key });

/** What only keys are told of a batch: who did what with it, what files came, as whom it is sent, and where providers call about it. */
const forKeys = [
  'Batch.audit',
  'Batch.createdBy',
  'Batch.credential',
  'Batch.lastUpdatedBy',
  'Batch.upload',
  'Job.callback',
];

/** The document without those. */
function withoutFieldsForKeys(document: string): string {
  const types = new TypeInfo(schema);
  const leave = () =>
    forKeys.includes(`${types.getParentType()?.name}.${types.getFieldDef()?.name}`) ? null : undefined;
  return print(visit(parse(document), visitWithTypeInfo(types, { Field: leave })));
}

describe('A token shows of its batches what its key shows', () => {
  const byId = rootsOf(schema.getQueryType()).flatMap((root) => {
    const result = getNamedType(root.field.type);
    const shown = nodeTypes.filter(
      (node) => node.name !== 'Upload' && (node === result || root.field.name.startsWith('node')),
    );
    return root.ids.length === 0
      ? []
      : shown.map((node) => [`${root.field.name} of a ${node.name}`, root, node] as const);
  });

  it.each(byId)('by id: %s', async (_title, root, node) => {
    const query = `query($id: ID!) { batch(id: $id) {
      jobs { edges { node { __typename id } } } items { edges { node { __typename id } } } } }`;
    const { batch } = (await service.query(query, { id: tenant.done }, tenant.key)).data;
    const below = [...batch.jobs.edges, ...batch.items.edges].map((edge) => edge.node);
    const id =
      node.name === 'Batch' ? tenant.done : below.find(({ __typename }) => __typename === node.name).id;
    const document = withoutFieldsForKeys(documentOf(root, node));
    const own = await service.query(document, { id }, tenant.key);
    expect(own.errors).toBeUndefined();
    expect(JSON.stringify(own)).toContain('owner');
    for (const token of Object.values(tokens))
      expect(await service.query(document, { id }, token)).toEqual(own);
  });

  it('but no upload, by whichever way', async () => {
    const ways = `query($id: ID!) { node(id: $id) { ... on Upload { batch { id upload { id } } } } nodes(ids: [$id]) { id } }`;
    const own = await service.query(ways, { id: tenant.uploaded }, tenant.key);
    const { batch } = own.data.node;
    expect(own.data).toMatchObject({ node: { batch: { upload: { id: tenant.uploaded } } }, nodes: [{}] });
    for (const token of Object.values(tokens)) {
      const { data } = await service.query(ways, { id: tenant.uploaded }, token);
      expect(data).toEqual({ node: null, nodes: [null] });
      const below = await service.query(
        `query($id: ID!) { batch(id: $id) { upload { id } } }`,
        { id: batch.id },
        token,
      );
      expect(below.data.batch?.upload ?? null).toBeNull();
    }
  });

  it('in lists, in which nothing else stands, nor is counted', async () => {
    const query =
      '{ batches { totalCount edges { node { id } } } jobs { totalCount edges { node { batch { id } } } } }';
    const listed = async (key: string) => {
      const { batches, jobs } = (await service.query(query, {}, key)).data;
      const ids = (list: { edges: { node: { id?: string; batch?: { id: string } } }[] }) =>
        [...new Set(list.edges.map(({ node }) => node.id ?? node.batch?.id))].sort();
      return { batches: ids(batches), count: batches.totalCount, jobs: ids(jobs), jobCount: jobs.totalCount };
    };
    const all = await listed(tenant.key);
    expect(all.count).toBeGreaterThan(2);
    expect(await listed(tokens.all)).toEqual(all);
    const one = await listed(tokens.one);
    expect(one).toMatchObject({ batches: [tenant.done], count: 1, jobs: [tenant.done] });
    expect(one.jobCount).toBeLessThan(all.jobCount);
    expect(await listed(tokens.two)).toMatchObject({ batches: [tenant.done, other].sort(), count: 2 });
  });

  it.each(Object.entries(transports))('as it happens, over %s', async (_name, subscribe) => {
    const query = 'subscription { batchesUpdated { batch { id name } } }';
    const feed = subscribe({ url: service.url, query, key: tokens.two });
    const third = await tenant.open();
    let isTold = false;
    feed
      .waitFor(() => true)
      .then(() => {
        isTold = true;
      });
    // Nobody knows when a feed begins to follow. What the token does not open is changed first, each time.
    for (let change = 0; !isTold; change += 1)
      for (const batchId of [third, other])
        await mutate(service, 'updateBatch', { batchId, name: `${change}` }, { key: tenant.key });
    await feed.stop();
    expect(feed.messages.map(({ data }) => data.batchesUpdated.batch.id)).not.toContain(third);
  });

  it('as plain JSON and as files', async () => {
    const query = 'query($id: ID!) { batch(id: $id) { url inputUrl outputUrl errorUrl } }';
    const { batch } = (await service.query(query, { id: tenant.done }, tenant.key)).data;
    for (const url of Object.values<string>(batch)) {
      const own = await ask({ url }, tenant.key);
      expect(own.status).toBe(200);
      expect(await ask({ url }, tokens.one)).toEqual(own);
      const elsewhere = await tokenOf(service, tenant.key, other);
      expect((await ask({ url }, elsewhere)).status).toBe(404);
    }
  });
});

describe('A token opens nothing else', () => {
  it.each(mutationNames)('and does nothing: %s', async (name) => {
    const trail = '{ viewer { organization { audit { totalCount } } } }';
    const before = (await service.query(trail, {}, tenant.key)).data;
    for (const token of [tokens.one, tokens.all]) {
      const { data, errors } = await service.query(
        mutationDocument(name),
        { input: leastInput(name) },
        token,
      );
      expect(data ?? null).toBeNull();
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    }
    // Nor does it fill the trail of its organization.
    expect((await service.query(trail, {}, tenant.key)).data).toEqual(before);
  });

  it('not what is the organization’s, beside its name', async () => {
    const query = `{ viewer { apiKey { id } sandbox readToken { batchIds expiresAt } organization { id name } } }`;
    const { data } = await service.query(query, {}, tokens.one);
    expect(data.viewer).toMatchObject({
      apiKey: null,
      sandbox: true,
      readToken: { batchIds: [tenant.done] },
      organization: { name: 'owner' },
    });
    const { data: ofKey } = await service.query(query, {}, tenant.key);
    expect(ofKey.viewer).toMatchObject({ apiKey: { id: expect.any(String) }, readToken: null });
    const organization = schema.getType('Organization');
    const others = fieldsOf(isObjectType(organization) ? organization : null).filter(
      ({ name }) => name !== 'id' && name !== 'name',
    );
    expect(others).not.toEqual([]);
    for (const selection of others.flatMap(selectionsOf)) {
      const asked = `{ viewer { organization { ${selection} } } }`;
      expect((await service.query(asked, {}, tokens.all)).errors?.[0]).toMatchObject({
        extensions: { code: 'FORBIDDEN' },
      });
    }
  });

  it('nor who did what with a batch, nor where providers call', async () => {
    const query = `query($id: ID!) { batch(id: $id) { id createdBy { id } lastUpdatedBy { id } credential { id }
      jobs(first: 1) { edges { node { id callback { url } } } } } providers { name mode credential { id } webhook { url } } }`;
    const { data, errors } = await service.query(query, { id: tenant.done }, tokens.all);
    expect(data.batch).toMatchObject({ createdBy: null, lastUpdatedBy: null });
    expect(data.batch.jobs.edges[0].node).toMatchObject({ callback: null });
    expect(new Set(errors?.map(({ path }) => path.at(-1)))).toEqual(
      new Set(['callback', 'credential', 'webhook']),
    );
    const trail = 'query($id: ID!) { batch(id: $id) { audit { totalCount } } }';
    expect((await service.query(trail, { id: tenant.done }, tokens.all)).errors).toMatchObject([
      { extensions: { code: 'FORBIDDEN' } },
    ]);
  });
});

describe('A token is made', () => {
  it('by a key that may only read, too', async () => {
    const key = await addKey(service, await organizationOf(service, tenant.key), { scope: 'read' });
    const { token, readToken } = await make({ batches: { ids: [tenant.done] }, expiresInSeconds: 60 }, key);
    expect(token).toMatch(/^bqt_/);
    const expiresAt = new Date(service.clock.now().getTime() + 60_000).toISOString();
    expect(readToken).toEqual({ batchIds: [tenant.done], expiresAt });
    expect((await service.query('{ viewer { sandbox } }', {}, token)).errors).toBeUndefined();
  });

  it('for batches that are there and the caller’s, however often each is named', async () => {
    const { readToken } = await make({ batches: { ids: [tenant.done, tenant.done] } });
    expect(readToken.batchIds).toEqual([tenant.done]);
    const nobodys = globalId('Batch', nobodysId);
    for (const id of [nobodys, nobodysId])
      expect(await make({ batches: { ids: [tenant.done, id] } })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await make({ batches: { ids: [tenant.done] } }, sandboxKey)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await make({ batches: { ids: ['what'] } })).toMatchObject({
      code: 'VALIDATION_FAILED',
      issues: [{ path: ['input', 'batches', 'ids'] }],
    });
    expect(await make({ batches: { all: true }, expiresInSeconds: 0 })).toMatchObject({
      issues: [{ path: ['input', 'expiresInSeconds'], message: 'expiresInSeconds must be from 1 to 86400.' }],
    });
  });
});

describe('A token signs in', () => {
  const isIn = async (token: string) =>
    (await service.query('{ viewer { sandbox } }', {}, token)).errors === undefined;

  it('until its time, and not after', async () => {
    const { token } = await make({ batches: { all: true }, expiresInSeconds: 10 });
    service.clock.advance({ seconds: 9.999 });
    expect(await isIn(token)).toBe(true);
    service.clock.advance({ seconds: 0.001 });
    expect(await isIn(token)).toBe(false);
  });

  it('as long as its key does, and not after', async () => {
    const expiresAt = new Date(service.clock.now().getTime() + 60_000);
    const organization = await organizationOf(service, tenant.key);
    const key = await addKey(service, organization, { expiresAt });
    const { token, readToken } = await make({ batches: { all: true }, expiresInSeconds: 3600 }, key);
    expect(readToken.expiresAt).toBe(expiresAt.toISOString());
    expect(await isIn(token)).toBe(true);
    service.clock.advance({ seconds: 60 });
    expect(await isIn(token)).toBe(false);

    const created = await mutate(
      service,
      'createApiKey',
      { name: 'page', scope: 'READ' },
      { key: tenant.key },
    );
    const made = await make({ batches: { all: true } }, created.key);
    expect(await isIn(made.token)).toBe(true);
    await mutate(service, 'revokeApiKey', { apiKeyId: created.apiKey.id }, { key: tenant.key });
    expect(await isIn(made.token)).toBe(false);
  });

  it('as it was made, and not with one letter changed', async () => {
    const letters = [...tokens.one];
    for (const at of [4, 5, 30, 40, 60, letters.length - 1]) {
      const changed = letters.with(at, letters[at] === 'A' ? 'B' : 'A').join('');
      expect(await isIn(changed)).toBe(false);
    }
    expect(await isIn(tokens.one)).toBe(true);
  });

  it('where the key stands, over every transport', async () => {
    for (const headers of [{ authorization: `Bearer ${tokens.one}` }, { 'x-api-key': tokens.one }]) {
      const response = await fetch(`${service.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(headers as Record<string, string>) },
        body: JSON.stringify({ query: '{ viewer { sandbox } }' }),
      });
      expect(await response.json()).toEqual({ data: { viewer: { sandbox: true } } });
    }
  });
});

describe('What a token has open', () => {
  const query = 'subscription($id: ID!) { batchUpdated(id: $id) { seq } }';
  const openStreams = async (key: string) => {
    const request = { url: service.url, query, variables: { id: other }, key };
    const [sse, webSocket] = [transports.SSE(request), transports.WebSocket(request)];
    await Promise.all([sse.waitFor(() => true), webSocket.waitFor(() => true)]);
    const closed = webSocket.done.then(
      () => null,
      (reason: unknown) => reason,
    );
    return { ended: Promise.all([sse.done.then(() => sse.messages.at(-1)), closed]) };
  };
  const theEnd = [
    { errors: [expect.objectContaining({ extensions: { code: 'UNAUTHENTICATED' } })] },
    expect.objectContaining({ code: 4403 }),
  ];

  it('ends with the token, while the key’s own and other tokens’ go on', async () => {
    const { token } = await make({ batches: { ids: [other] }, expiresInSeconds: 30 });
    const others = [tenant.key, tokens.two].map((key) =>
      transports.SSE({ url: service.url, query, variables: { id: other }, key }),
    );
    await Promise.all(others.map((stream) => stream.waitFor(() => true)));
    const { ended } = await openStreams(token);
    service.clock.advance({ seconds: 30 });
    expect(await ended).toEqual(theEnd);
    await mutate(service, 'updateBatch', { batchId: other, name: 'going on' }, { key: tenant.key });
    for (const stream of others) {
      await stream.waitFor(() => stream.messages.length > 1);
      await stream.stop();
    }
  });

  it('ends with the key that made the token', async () => {
    const created = await mutate(
      service,
      'createApiKey',
      { name: 'page', scope: 'READ' },
      { key: tenant.key },
    );
    const { token } = await make({ batches: { ids: [other] } }, created.key);
    const { ended } = await openStreams(token);
    await mutate(service, 'revokeApiKey', { apiKeyId: created.apiKey.id }, { key: tenant.key });
    expect(await ended).toEqual(theEnd);
  });
});
