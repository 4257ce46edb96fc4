/** Relay's object identification: every id that an answer holds leads back to the same object. */
import { isInterfaceType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../src/schema/index.ts';
import { chatBody, messageBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { leavesOf, placesBelowLists } from '../support/selections.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
  const list = ['', 'emulate:errored'].map((directive) => ({ body: chatBody('q', directive) }));
  await mutate(service, 'createBatch', { provider: 'openai', requests: { list }, submit: 'NOW' });
  const requests = { list: [{ body: messageBody('q') }] };
  await mutate(service, 'createBatch', { provider: 'anthropic', requests, submit: 'NOW' });
  await service.work();
  await service.turn(30, 15);
  const { batch } = await mutate(service, 'createBatch', { provider: 'openai', requests: { list } });
  await mutate(service, 'createUpload', { batchId: batch.id });
});
afterAll(() => service.close());

const nodeInterface = schema.getType('Node');
const nodePlaces = placesBelowLists().filter(({ type }) =>
  type.getInterfaces().some((own) => own === nodeInterface),
);
interface Thing {
  readonly __typename: string;
  readonly id: string;
}

/** Every object with an id in an answer, in its order. */
function thingsIn(value: unknown): Thing[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = '__typename' in value && 'id' in value ? [value as Thing] : [];
  return [...own, ...Object.values(value).flatMap(thingsIn)];
}

async function things(): Promise<Thing[]> {
  const answers = nodePlaces.map(({ type, query }) =>
    service.query(query(`__typename ${leavesOf(type)}`, 100)),
  );
  return (await Promise.all(answers)).flatMap(({ data }) => thingsIn(data));
}

describe('A global id', () => {
  it('exists for every type that is a Node, and each of them lies below a list', () => {
    if (!isInterfaceType(nodeInterface)) throw new Error('there is no interface Node');
    const types = schema.getPossibleTypes(nodeInterface).map(({ name }) => name);
    expect(nodePlaces.map(({ type }) => type.name).sort()).toEqual([...types].sort());
    expect([...types].sort()).toEqual(['Batch', 'BatchItem', 'Job', 'Upload']);
  });

  it('gives back by node the same object, whatever its type', async () => {
    const all = await things();
    expect(new Set(all.map(({ __typename }) => __typename))).toEqual(
      new Set(['Batch', 'BatchItem', 'Job', 'Upload']),
    );
    for (const thing of all) {
      const place = nodePlaces.find(({ type }) => type.name === thing.__typename);
      const document = `query($id: ID!) { node(id: $id) { __typename ... on ${thing.__typename} { ${leavesOf(place?.type ?? null)} } } }`;
      const { data } = await service.query(document, { id: thing.id });
      expect(data.node).toEqual(thing);
    }
  });

  it('is unique among all objects of all types', async () => {
    const ids = (await things()).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('gives back by nodes all at once, in the order asked, twice where asked twice, null where missing', async () => {
    const all = await things();
    const missing = Buffer.from('Batch:01900000-0000-7000-8000-000000000000').toString('base64');
    const wanted = [...all.toReversed(), null, ...all.slice(0, 2), null];
    const ids = wanted.map((thing) => thing?.id ?? missing);
    const { data } = await service.query('query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }', {
      ids,
    });
    expect(data.nodes).toEqual(
      wanted.map((thing) => thing && { __typename: thing.__typename, id: thing.id }),
    );
  });

  it('leads on from everything that an object belongs to', async () => {
    const { data } = await service.query(`{ batches(first: 3) { edges { node { id
      items { edges { node { batch { id } job { id batch { id } } } } } } } } }`);
    for (const { node } of data.batches.edges) {
      for (const { node: item } of node.items.edges) {
        expect(item.batch.id).toBe(node.id);
        expect(item.job?.batch.id ?? node.id).toBe(node.id);
      }
    }
  });
});
