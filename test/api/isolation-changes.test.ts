/**
 * Nobody changes or follows what another organization has, nor learns by trying that it is there: every mutation,
 * every subscription, and every other name by which something of the owner's can be called, made from the schema as in
 * `isolation.test.ts`. A mutation is the owner's only after the others have tried, so that there is something to find.
 */
import { randomUUID } from 'node:crypto';
import { getNamedType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeCursor } from '../../src/domain/page.ts';
import { schema } from '../../src/schema/index.ts';
import { ask, formsOf, idOfNothing, textsIn } from '../support/asking.ts';
import { chatBody } from '../support/documents.ts';
import { type Isolation, startIsolation } from '../support/isolation.ts';
import { documentOf, idFields, inputs, inputsById, namings, rootsOf } from '../support/isolation-cases.ts';
import { mutateWithFile } from '../support/multipart.ts';
import { mutate, mutationDocument } from '../support/mutations.ts';
import type { TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';
import type { Tenant } from '../support/tenant.ts';

let isolation: Isolation;
let service: TestService;
let owner: Tenant;
let stranger: Tenant;
beforeAll(async () => {
  isolation = await startIsolation();
  ({ service, owner, stranger } = isolation);
});
afterAll(() => isolation.close());

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Json = any;

const call = (who: Tenant, name: string, input: object, batch = 'id status version'): Promise<Json> =>
  mutate(service, name, { ...input }, { key: who.key, batch });
const inputOf = async (name: string, tenant: Tenant, path = ''): Promise<Record<string, unknown>> => {
  const make = inputsById[`${name} by ${path}`] ?? inputs[name];
  if (make === undefined) throw new Error(`there is no input of ${name}`);
  return make(tenant);
};
const asking = (name: string, input: object) => isolation.graphql(mutationDocument(name), { input });

/** The input with another value at the end of a path. */
const withAt = (input: Json, [name = '', ...rest]: readonly string[], value: unknown): Json => ({
  ...input,
  [name]: rest.length === 0 ? value : withAt(input[name], rest, value),
});
const at = (input: Json, path: readonly string[]): Json => path.reduce((value, name) => value[name], input);

/** How a batch of the owner's is, or the batch of its job; null where it is not the owner's. */
const stateOf = async (id: string): Promise<unknown> => {
  const fields = 'status version name';
  const query = `query($id: ID!) { node(id: $id) { ... on Batch { ${fields} } ... on Job { batch { ${fields} } } } }`;
  return (await service.query(query, { id }, owner.key)).data.node;
};

describe('A mutation', () => {
  it.each(idFields.map((field) => [`${field.mutation} by ${field.path.join('.')}`, field] as const))(
    '%s does nothing to what is another’s, and finds nothing',
    async (_title, { mutation, path }) => {
      const sample = () => inputOf(mutation, owner, path.join('.'));
      const forms = formsOf(at(await sample(), path)).length;
      for (let form = 0; form < forms; form += 1) {
        const input = await sample();
        const id = at(input, path);
        const named = formsOf(id)[form] ?? id;
        const before = await stateOf(id);
        const { body } = await isolation.expectNothing(named, (other) =>
          asking(mutation, withAt(input, path, other)),
        );
        expect(JSON.parse(body).data[mutation].__typename).toBe('NotFoundError');
        expect(await stateOf(id)).toEqual(before);
        const told = await call(owner, mutation, withAt(input, path, named));
        expect(told.__typename).toMatch(/Payload$/);
      }
    },
  );

  it('that adds requests finds nothing, in whichever form they come', async () => {
    const batchId = await owner.open();
    const before = await stateOf(batchId);
    const body = chatBody('intruding');
    for (const requests of [{ list: [{ body }] }, { jsonl: JSON.stringify({ body }) }])
      await isolation.expectNothing(batchId, (named) => asking('addRequests', { batchId: named, requests }));
    const send = async (named: string, key: string) => {
      const content = JSON.stringify({ body });
      const sent = await mutateWithFile(service, {
        name: 'addRequests',
        input: { batchId: named },
        content,
        key,
      });
      return JSON.stringify(sent).replaceAll(formsOf(named).at(-1) ?? named, '<named>');
    };
    isolation.count();
    for (const key of [stranger.key, 'bq_nobody'])
      expect(await send(batchId, key)).toBe(await send(idOfNothing(batchId), key));
    expect(await stateOf(batchId)).toEqual(before);
    expect(await send(batchId, owner.key)).toContain('AddRequestsPayload');
  });

  const byId = idFields.map(({ mutation }) => mutation);
  const others = rootsOf(schema.getMutationType()).map(({ field }) => field.name);

  it.each(others.filter((name) => !byId.includes(name)))(
    '%s makes what is the caller’s, and tells nobody else of it',
    async (mutation) => {
      const batch = 'id url jobs { edges { node { id providerJobId } } }';
      isolation.count();
      const own = await call(owner, mutation, await inputOf(mutation, owner), batch);
      expect(own.__typename).toMatch(/Payload$/);
      const told = await call(stranger, mutation, await inputOf(mutation, stranger), batch);
      expect(told.__typename).toMatch(/Payload$/);
      // Words are shared; ids, addresses and secrets are longer, have digits, and are nobody's twice.
      const shared = textsIn(own).filter((text) => textsIn(told).includes(text));
      expect(shared.filter((text) => text.length > 24 && /\d/.test(text))).toEqual([]);
      expect(await ask(asking(mutation, await inputOf(mutation, owner)), null)).toMatchObject({
        status: 401,
      });
      if (own.batch !== undefined) expect(await stateOf(own.batch.id)).not.toBeNull();
      if (told.batch !== undefined) expect(await stateOf(told.batch.id)).toBeNull();
    },
  );

  it('that changes a secret changes the caller’s own', async () => {
    const secretOf = async (who: Tenant) =>
      (await service.query('{ viewer { callbackSecret { secret } } }', {}, who.key)).data.viewer
        .callbackSecret;
    const before = await secretOf(owner);
    const { callbackSecret } = await call(stranger, 'rotateCallbackSecret', {});
    expect((await ask(asking('rotateCallbackSecret', {}), null)).status).toBe(401);
    expect(await secretOf(owner)).toEqual(before);
    expect(callbackSecret.secret).not.toBe(before.secret);
    isolation.count();
  });
});

describe('A call under a key of its own', () => {
  const keyed = namings.filter(({ name }) => name === 'idempotencyKey').map(({ coordinate }) => coordinate);
  const verbs = rootsOf(schema.getMutationType())
    .filter(({ field }) =>
      field.args.some(({ type }) => keyed.includes(`${getNamedType(type)}.idempotencyKey`)),
    )
    .map(({ field }) => field.name);

  it.each(verbs)('is remembered to the organization that made it, and to no other: %s', async (verb) => {
    const input = await inputOf(verb, owner);
    const { idempotencyKey } = input;
    expect(await call(owner, verb, input)).toMatchObject({ replayed: false });
    expect(await call(owner, verb, input)).toMatchObject({ replayed: true });
    if ('batchId' in input) {
      await isolation.expectNothing(String(idempotencyKey), (key) =>
        asking(verb, { ...input, idempotencyKey: key }),
      );
    }
    // With another input it would be a conflict to the owner.
    const own = { ...(await inputOf(verb, stranger)), idempotencyKey };
    expect(await call(stranger, verb, own)).toMatchObject({ replayed: false });
  });
});

describe('A batch at the provider that is another’s job', () => {
  const idOfNobody = (id: string) => id.slice(0, -8) + randomUUID().slice(0, 8);

  it('cannot be taken over, and reads as one that the provider does not have', async () => {
    const input = await owner.adoptable();
    expect((await call(owner, 'adoptJob', input)).__typename).toBe('AdoptJobPayload');
    // The owner alone is told whose it is.
    expect(await call(owner, 'adoptJob', input)).toMatchObject({
      problem: 'TAKEN',
      jobId: expect.any(String),
    });
    const query = 'query($id: ID!) { batch(id: $id) { jobs { edges { node { providerJobId } } } } }';
    const { data } = await service.query(query, { id: owner.done }, owner.key);
    const sent: string[] = data.batch.jobs.edges.map(({ node }: Json) => node.providerJobId);
    for (const id of [input.providerJobId, ...sent]) {
      const { body } = await isolation.expectNothing(
        id,
        (providerJobId) => asking('adoptJob', { ...input, providerJobId }),
        idOfNobody(id),
      );
      expect(JSON.parse(body).data.adoptJob).toMatchObject({ problem: 'NOT_THERE', jobId: null });
    }
  });

  it('cannot be named as the stranger’s own lost job either', async () => {
    const { providerJobId: id } = (await call(owner, 'adoptJob', await owner.adoptable())).job;
    const jobId = await stranger.lostJob();
    const { body } = await isolation.expectNothing(
      id,
      (providerJobId) => asking('resolveJob', { jobId, resolution: { providerJobId } }),
      idOfNobody(id),
    );
    expect(JSON.parse(body).data.resolveJob).toMatchObject({ problem: 'NOT_THERE', jobId: null });
  });
});

it('A retry of the stranger’s own batch finds no request by the owner’s name for it', async () => {
  const name = 'named by the owner';
  const requests = { list: [{ customId: name, body: chatBody('again') }] };
  const own = await owner.cancelled({ requests });
  const batchId = await stranger.cancelled();
  await isolation.expectNothing(
    name,
    (customId) => asking('retryBatch', { batchId, filter: { customIds: [customId] } }),
    'never was',
  );
  const told = await call(owner, 'retryBatch', { batchId: own, filter: { customIds: [name] } });
  expect(told).toMatchObject({ __typename: 'RetryBatchPayload', requests: 1 });
});

describe('A subscription', () => {
  const followed = rootsOf(schema.getSubscriptionType()).filter(({ ids }) => ids.length > 0);
  /** From the beginning on, and from each kind of place on. */
  const places = { Int: 'after: 1', String: `after: "${encodeCursor('frame', [1, 0])}"` };
  const cases = followed.flatMap((root) => {
    const after = root.field.args.find(({ name }) => name === 'after')?.type.toString();
    const given = ['', ...(after === undefined ? [] : [places[after as keyof typeof places]])];
    return given.map((place) => [`${root.field.name}(${place})`, place, root] as const);
  });
  const stream = (query: string, id: string) => ({
    ...isolation.graphql(query, { id }),
    accept: 'text/event-stream',
  });

  it.each(cases)(
    '%s tells nothing of what is another’s, over either transport',
    async (_name, place, root) => {
      const document = documentOf(root, null, place === '' ? [] : [place]);
      const subject = root.field.name === 'uploadUpdated' ? owner.uploaded : owner.done;
      for (const id of formsOf(subject)) {
        const { body } = await ask(stream(document, id), owner.key);
        expect(body).toMatch(/^event: complete$/m);
        expect(isolation.secretsIn(body)).toContain('owner');
        expect((await isolation.expectNothing(id, (named) => stream(document, named))).body).toContain(
          'NOT_FOUND',
        );

        expect(await overWebSocket(document, id, owner.key)).toMatchObject({ ended: 'completed' });
        const nothing = idOfNothing(id);
        const told = await overWebSocket(document, id, stranger.key);
        expect(told).toEqual(await overWebSocket(document, nothing, stranger.key));
        expect(isolation.secretsIn(told)).toEqual([]);
        for (const named of [id, nothing])
          expect(await overWebSocket(document, named, 'bq_nobody')).toEqual({ messages: [], ended: 4403 });
      }
    },
  );

  it('that goes on from before a deletion tells of it to the owner alone', async () => {
    const query = 'subscription($id: ID!) { batchUpdated(id: $id, after: 1) { kind } }';
    expect((await ask(stream(query, owner.deleted), owner.key)).body).toContain('BATCH_DELETED');
    const { body } = await isolation.expectNothing(owner.deleted, (named) => stream(query, named));
    expect(body).toContain('NOT_FOUND');
  });

  it('to all batches tells each organization of its own, also from the owner’s place on', async () => {
    const document = documentOf({ ...feedOf(), ids: [] }, null);
    const open = (who: Tenant, query: string) => transports.SSE({ url: service.url, query, key: who.key });
    const moved = async (who: Tenant, id: string) =>
      call(who, 'updateBatch', { batchId: id, name: randomUUID() });
    const mine = await owner.open();
    const theirs = await stranger.open();

    const feed = open(owner, document);
    const place: string = (await told(feed, mine, () => moved(owner, mine))).cursor;
    await feed.stop();

    for (const query of [document, documentOf({ ...feedOf(), ids: [] }, null, [`after: "${place}"`])]) {
      const others = open(stranger, query);
      // The stranger's own change comes after the owner's, so seeing it means that nothing else was to come before.
      await told(others, theirs, async () => {
        await moved(owner, mine);
        await moved(stranger, theirs);
      });
      const own = open(owner, query);
      await told(own, mine, () => moved(owner, mine));
      expect(isolation.secretsIn(others.messages)).toEqual([]);
      expect(JSON.stringify(others.messages)).not.toContain(mine);
      for (const subscriber of [others, own]) await subscriber.stop();
      expect((await ask({ ...isolation.graphql(query), accept: 'text/event-stream' }, null)).status).toBe(
        401,
      );
      isolation.count();
    }
  });

  const feedOf = () => {
    const root = rootsOf(schema.getSubscriptionType()).find(({ field }) => field.name === 'batchesUpdated');
    if (root === undefined) throw new Error('there is no feed');
    return root;
  };

  /** What the feed tells of a batch, which is changed until it does: nobody knows when a feed begins to follow. */
  async function told(
    feed: ReturnType<typeof transports.SSE>,
    id: string,
    change: () => Promise<unknown>,
  ): Promise<Json> {
    let seen: Json;
    feed
      .waitFor((data) => data.batchesUpdated.batchId === id)
      .then((data) => {
        seen = data.batchesUpdated;
      });
    while (seen === undefined) await change();
    return seen;
  }

  /** Everything that a stream tells until it ends, and how it ended. */
  async function overWebSocket(query: string, id: string, key: string) {
    const subscriber = transports.WebSocket({ url: service.url, query, variables: { id }, key });
    const ended = await subscriber.done.then(
      () => 'completed',
      (error) => error.code ?? error,
    );
    await subscriber.stop();
    return { messages: subscriber.messages, ended };
  }
});

describe('A path for providers', () => {
  const post = (path: string, body: unknown, key: string | null) =>
    ask({ url: `${service.url}${path}`, body }, key);

  it('of the owner’s job is none, unless the whole of it is known; and then it answers without a word', async () => {
    const urls: string[] = isolation.ownedOf('JobCallback').map(({ url }) => url);
    expect(urls).not.toEqual([]);
    expect(isolation.secretsIn(urls)).toEqual([...new Set(urls)]);
    for (const url of urls) {
      isolation.count();
      const { pathname } = new URL(url);
      for (const key of [owner.key, stranger.key, null]) {
        const call = { job_id: randomUUID(), status: 'completed' };
        expect(await post(pathname, call, key)).toMatchObject({ status: 204, body: '' });
        expect(await post(pathname.replace(/\w{8}$/, '00000000'), call, key)).toMatchObject({ status: 404 });
      }
    }
  });

  it('that is the same for everybody does not tell whether somebody has the job that is named', async () => {
    const paths = isolation.ownedOf('ProviderWebhook').flatMap(({ url }) => (url === null ? [] : [url]));
    expect(paths).not.toEqual([]);
    for (const { pathname } of paths.map((url) => new URL(url))) {
      const about = (id: string) => post(pathname, { type: 'batch.completed', data: { id } }, stranger.key);
      for (const { providerJobId } of isolation.ownedOf('Job')) {
        isolation.count();
        expect(await about(providerJobId)).toEqual(await about(randomUUID()));
      }
    }
  });
});
