/**
 * What an organization has is absent to every other, and to whoever has no key: made from the schema, so that a field,
 * an id, a list or an address that is new is asked for here, or fails until there is a way to ask for it. In each case
 * the owner gets data by the same operation and the same id. How long an answer takes is not compared. What changes
 * something, and what is followed, is `isolation-changes.test.ts`.
 */
import { getNamedType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { schema } from '../../src/schema/index.ts';
import { ask, formsOf, neverWas } from '../support/asking.ts';
import { type Isolation, objectsIn, startIsolation } from '../support/isolation.ts';
import {
  cursorLists,
  documentOf,
  idFields,
  inputs,
  isIdType,
  namings,
  namingTexts,
  nodeTypes,
  plainTexts,
  rootsOf,
  urlFields,
} from '../support/isolation-cases.ts';

let isolation: Isolation;
beforeAll(async () => {
  isolation = await startIsolation();
});
afterAll(() => isolation.close());

const queries = rootsOf(schema.getQueryType());
const subscriptions = rootsOf(schema.getSubscriptionType());
const mutations = rootsOf(schema.getMutationType());

/** What is asked for without an id; each has a test of its own. */
const withoutIds = [
  'Query.batches',
  'Query.jobs',
  'Query.providers',
  'Query.viewer',
  'Subscription.batchesUpdated',
];

describe('Every part of the schema', () => {
  const nameOf = ({ type, field }: (typeof queries)[number]) => `${type}.${field.name}`;
  const isCursor = (name: string) => /^(?:after|before)$/.test(name);
  const texts = namings.filter(({ type }) => type === 'String');

  it('that can be asked for has a case', () => {
    const byId = [...queries, ...subscriptions].filter(({ ids }) => ids.length > 0).map(nameOf);
    const byInput = Object.keys(inputs).map((name) => `Mutation.${name}`);
    const all = [...queries, ...subscriptions, ...mutations].map(nameOf);
    expect([...withoutIds, ...byId, ...byInput].sort()).toEqual(all.sort());
  });

  it('that is an id lies where the cases put one', () => {
    const ids = namings.filter(({ type }) => isIdType(type)).map(({ coordinate }) => coordinate);
    const asked = [...queries, ...subscriptions].flatMap((root) =>
      root.ids.map(({ name }) => `${nameOf(root)}(${name}:)`),
    );
    const sent = new Set(idFields.map(({ coordinate }) => coordinate));
    expect([...asked, ...sent].sort()).toEqual(ids.sort());
  });

  it('that is a cursor belongs to a list, or to a stream that goes on after it', () => {
    const cursors = texts.filter(({ name }) => isCursor(name)).map(({ coordinate }) => coordinate);
    const ofLists = cursorLists.flatMap(({ coordinate }) =>
      ['after', 'before'].map((name) => `${coordinate}(${name}:)`),
    );
    const ofStreams = ['batchItemsFinished', 'batchesUpdated'].map((name) => `Subscription.${name}(after:)`);
    expect([...ofLists, ...ofStreams].sort()).toEqual(cursors.sort());
  });

  it('that is a text is known to name something, or to be what it says', () => {
    const others = texts.filter(({ name }) => !isCursor(name)).map(({ coordinate }) => coordinate);
    expect([...namingTexts, ...plainTexts].sort()).toEqual(others.sort());
  });

  it('has something of the owner’s behind it, and every list of the stranger’s, too', async () => {
    const { service, owner, stranger, ownedOf, secretsIn } = isolation;
    for (const { name } of nodeTypes) expect(ownedOf(name), name).not.toEqual([]);
    for (const { type, name } of urlFields)
      expect(
        ownedOf(type).filter((object) => (object[name] ?? null) !== null),
        name,
      ).not.toEqual([]);
    for (const { query, coordinate } of cursorLists) {
      for (const { key } of [owner, stranger]) {
        const { data } = await service.query(query('first: 20'), {}, key);
        expect(cursorsIn(data).length, coordinate).toBeGreaterThan(1);
      }
    }
    const everything = [...nodeTypes.map(({ name }) => name), 'CallbackSecret'].flatMap(ownedOf);
    expect(secretsIn(everything)).toEqual(
      expect.arrayContaining(['owner', 'named by the owner', expect.stringMatching(/^whsec_/)]),
    );
  });
});

describe('A query', () => {
  const idCases = queries.flatMap((root) => {
    const result = getNamedType(root.field.type);
    return root.ids.length === 0
      ? []
      : nodeTypes
          .filter((node) => node === result || node.getInterfaces().some((own) => own === result))
          .map((node) => [`${root.field.name} of a ${node.name}`, root, node, node === result] as const);
  });

  it.each(idCases)('%s shows the owner’s to the owner alone', async (_title, root, node, takesPlainIds) => {
    const { service, owner, ownedOf, graphql, expectNothing } = isolation;
    const document = documentOf(root, node);
    for (const id of formsOf(ownedOf(node.name)[0].id).slice(0, takesPlainIds ? 2 : 1)) {
      const { data } = await service.query(document, { id }, owner.key);
      expect([data[root.field.name]].flat()).toMatchObject([{ __typename: node.name }]);
      const { body } = await expectNothing(id, (named) => graphql(document, { id: named }));
      expect([JSON.parse(body).data[root.field.name]].flat()).toEqual([null]);
    }
  });

  it('that names an id of one type where another is wanted is answered alike, whatever there is', async () => {
    const { ownedOf, graphql, expectNothing } = isolation;
    const [node = null] = nodeTypes;
    for (const root of queries.filter(({ ids }) => ids.length > 0)) {
      for (const id of nodeTypes.flatMap(({ name }) => formsOf(ownedOf(name)[0].id)))
        await expectNothing(id, (named) => graphql(documentOf(root, node), { id: named }));
    }
  });

  it.each(queries.filter(({ ids }) => ids.length === 0).map((root) => [root.field.name, root] as const))(
    '%s shows to each organization its own',
    async (_name, root) => {
      const { owner, stranger, graphql, secretsIn, count } = isolation;
      const question = graphql(documentOf(root, null));
      count();
      const own = await ask(question, owner.key);
      const others = await ask(question, stranger.key);
      expect(secretsIn(others)).toEqual([]);
      expect(secretsIn(own)).not.toEqual([]);
      expect((await ask(question, null)).status).toBe(401);
    },
  );

  it('for an item by the owner’s name for it finds none in another’s batch', async () => {
    const { owner, stranger, graphql, secretsIn, expectNothing } = isolation;
    const document =
      'query($id: ID!, $name: String!) { batch(id: $id) { item(customId: $name) { request } } }';
    const find = (id: string) => (name: string) => graphql(document, { id, name });
    expect(secretsIn(await ask(find(owner.done)('named by the owner'), owner.key))).toContain('owner');
    const { body } = await expectNothing('named by the owner', find(stranger.done), 'never was');
    expect(body).toContain('"item":null');
  });
});

/** The cursors of the list that was asked for, wherever it was found. */
const cursorsIn = (answer: unknown): string[] =>
  objectsIn(answer)
    .flatMap(({ list }) => list?.edges ?? [])
    .map(({ cursor }) => cursor);

describe('A cursor', () => {
  it.each(cursorLists)('of $coordinate leads into nobody else’s list', async ({ query }) => {
    const { service, owner, graphql, expectNothing } = isolation;
    const pages = [
      (cursor: string) => query(`first: 20, after: "${cursor}"`),
      (cursor: string) => query(`last: 20, before: "${cursor}"`),
    ];
    const found = new Set(cursorsIn((await service.query(query('first: 20'), {}, owner.key)).data));
    for (const page of pages) {
      const shown: string[] = [];
      for (const cursor of [...found].slice(0, 4)) {
        shown.push(...cursorsIn((await service.query(page(cursor), {}, owner.key)).data));
        const nowhere = Buffer.from(neverWas(Buffer.from(cursor, 'base64url').toString()));
        await expectNothing(cursor, (named) => graphql(page(named)), nowhere.toString('base64url'));
      }
      expect(shown).not.toEqual([]);
    }
  });
});

describe('An address', () => {
  // Where we call; and where providers call us, which `isolation-changes.test.ts` and `own-webhooks.test.ts` call.
  const notRead = ['BatchCallback.url', 'Credential.webhookUrl', 'ProviderWebhook.url'];
  const read = urlFields
    .map(({ type, name }) => [`${type}.${name}`, type, name] as const)
    .filter(([coordinate]) => !notRead.includes(coordinate));

  it.each(read)(
    'of %s is one where there is nothing, to whoever does not own it',
    async (_name, type, name) => {
      const { service, owner, ownedOf, secretsIn, expectNothing } = isolation;
      const [url] = ownedOf(type).flatMap((object) => (object.id === owner.done ? [object[name]] : []));
      const { pathname } = new URL(url);
      for (const search of ['', '?after=0']) {
        const question = (named: string) => ({ url: `${service.url}${named}${search}` });
        const own = await ask(question(pathname), owner.key);
        expect(own.status).toBe(200);
        if (search === '') expect(secretsIn(own)).not.toEqual([]);
        expect(await expectNothing(pathname, question, neverWas(pathname))).toMatchObject({ status: 404 });
      }
    },
  );

  it('of a download tells by HEAD no more than by GET', async () => {
    const { service, owner, stranger, ownedOf, count } = isolation;
    const { inputUrl } = ownedOf('Batch').find(({ id }) => id === owner.done);
    const { pathname } = new URL(inputUrl);
    const head = (named: string, key: string | null) =>
      ask({ url: `${service.url}${named}`, method: 'HEAD' }, key);
    count();
    expect(await head(pathname, owner.key)).toMatchObject({ status: 200 });
    for (const key of [stranger.key, null])
      expect(await head(pathname, key)).toEqual(await head(neverWas(pathname), key));
  });

  it('of GraphiQL shows what is the sandbox’s, and nothing of the owner’s', async () => {
    const { service, owner, secretsIn, count } = isolation;
    count();
    for (const key of [null, sandboxKey, owner.key]) {
      const page = await ask({ url: `${service.url}/graphql`, accept: 'text/html' }, key);
      expect(page.body).toContain(sandboxKey);
      expect(secretsIn(page)).toEqual([]);
    }
  });
});
