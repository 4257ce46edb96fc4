/** What another organization has reads as absent, word for word like what nobody has, through every door. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatBody } from '../support/documents.ts';
import { mutateWithFile } from '../support/multipart.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { type Subscriber, transports } from '../support/subscribers.ts';

let service: TestService;
/** The key of an organization that has nothing. */
let key: string;
let uuid: string;
let ids: { batch: string; item: string; job: string };
beforeAll(async () => {
  service = await startTestService();
  ({ key } = await service.addOrganization('Stranger'));
  const input = { provider: 'openai', requests: { list: [{ body: chatBody('private') }] }, submit: 'NOW' };
  const { batch } = await mutate(service, 'createBatch', input, {
    batch: 'id uuid items { edges { node { id } } } jobs { edges { node { id } } }',
  });
  uuid = batch.uuid;
  ids = { batch: batch.id, item: batch.items.edges[0].node.id, job: batch.jobs.edges[0].node.id };
  await service.work();
  await service.turn(30, 15);
});
afterAll(() => service.close());

const notFound = () => ({
  __typename: 'NotFoundError',
  code: 'NOT_FOUND',
  message: 'There is no batch with this id.',
  id: uuid,
});

describe('To a stranger', () => {
  it('a batch, its items and its jobs are null by any id', async () => {
    const { data, errors } = await service.query(
      `query($batch: ID!, $uuid: ID!, $item: ID!, $job: ID!) {
        byId: batch(id: $batch) { id }
        byUuid: batch(id: $uuid) { id }
        batchNode: node(id: $batch) { id }
        itemNode: node(id: $item) { id }
        jobNode: node(id: $job) { id }
        nodes(ids: [$batch, $item, $job]) { id }
      }`,
      { ...ids, uuid },
      key,
    );
    expect(errors).toBeUndefined();
    expect(data).toEqual({
      byId: null,
      byUuid: null,
      batchNode: null,
      itemNode: null,
      jobNode: null,
      nodes: [null, null, null],
    });
  });

  it('lists are empty and count nothing', async () => {
    const { data } = await service.query(
      '{ batches { totalCount edges { cursor } } jobs { totalCount edges { cursor } } }',
      {},
      key,
    );
    expect(data).toEqual({ batches: { totalCount: 0, edges: [] }, jobs: { totalCount: 0, edges: [] } });
  });

  it.each([
    'submitBatch',
    'syncBatch',
    'cancelBatch',
    'retryBatch',
    'deleteBatch',
    'updateBatch',
    'redeliverCallback',
  ])('%s answers NotFoundError', async (name) => {
    expect(await mutate(service, name, { batchId: ids.batch }, { key })).toEqual(notFound());
  });

  it('addRequests answers NotFoundError, for a list, for lines and for a file', async () => {
    const body = chatBody('intruding');
    for (const requests of [{ list: [{ body }] }, { jsonl: JSON.stringify({ body }) }]) {
      const answer = await mutate(service, 'addRequests', { batchId: ids.batch, requests }, { key });
      expect(answer).toEqual(notFound());
    }
    const { data } = await mutateWithFile(service, {
      name: 'addRequests',
      input: { batchId: ids.batch },
      content: JSON.stringify({ body }),
      key,
    });
    expect(data.addRequests).toEqual(notFound());
  });

  it('resolveJob answers NotFoundError', async () => {
    const input = { jobId: ids.job, resolution: { giveUp: true } };
    expect(await mutate(service, 'resolveJob', input, { key })).toMatchObject({
      __typename: 'NotFoundError',
      message: 'There is no job with this id.',
    });
  });

  describe.each(Object.entries(transports))('over %s', (_name, subscribe) => {
    it.each([
      ['batchUpdated', 'batchUpdated(id: $id) { seq }'],
      ['batchItemsFinished', 'batchItemsFinished(batchId: $id) { cursor }'],
      ['jobUpdated', 'jobUpdated(batchId: $id) { id }'],
    ])('%s ends with NOT_FOUND', async (field, selection) => {
      const query = `subscription($id: ID!) { ${selection} }`;
      const errors = await errorsOf(
        subscribe({ url: service.url, query, variables: { id: ids.batch }, key }),
      );
      expect(errors).toMatchObject([
        { message: 'There is no batch with this id.', path: [field], extensions: { code: 'NOT_FOUND' } },
      ]);
    });
  });

  it.each(['', '/input.jsonl', '/output.jsonl', '/errors.jsonl'])(
    'the plain route %s answers 404',
    async (rest) => {
      const response = await fetch(`${service.url}/batches/${uuid}${rest}`, {
        headers: { authorization: `Bearer ${key}` },
      });
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({
        error: { code: 'NOT_FOUND', message: 'There is no batch with this id.' },
      });
    },
  );

  it('the feed tells nothing of it', async () => {
    const query = 'subscription { batchesUpdated { batchId batch { name } } }';
    const feed = transports.SSE({ url: service.url, query, key });
    // The stranger's own batch comes after the other's change, so seeing it alone means that nothing came between.
    await started(feed);
    await mutate(service, 'updateBatch', { batchId: ids.batch, name: 'renamed by its owner' });
    const { batch } = await mutate(service, 'createBatch', { provider: 'openai', name: 'own' }, { key });
    await feed.waitFor((data) => data.batchesUpdated.batchId === batch.id);
    expect(feed.messages.map(({ data }) => data.batchesUpdated.batchId)).not.toContain(ids.batch);
    await feed.stop();
  });
});

/** The owner still has everything: none of the calls above came through. */
it('A stranger changes nothing', async () => {
  const { data } = await service.query(
    'query($id: ID!) { batch(id: $id) { status counts { total succeeded } } }',
    { id: ids.batch },
  );
  expect(data.batch).toEqual({ status: 'COMPLETED', counts: { total: 1, succeeded: 1 } });
});

async function errorsOf(subscriber: Subscriber): Promise<unknown> {
  try {
    await subscriber.done;
    return subscriber.messages[0]?.errors;
  } finally {
    await subscriber.stop();
  }
}

/** Resolves when the feed follows: its own batches are told until it tells one. */
async function started(feed: Subscriber): Promise<void> {
  const seen = feed.waitFor((data) => data.batchesUpdated.batch?.name === 'first');
  let told = false;
  seen.then(() => {
    told = true;
  });
  while (!told) await mutate(service, 'createBatch', { provider: 'openai', name: 'first' }, { key });
  await seen;
}
