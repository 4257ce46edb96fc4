/** Ids that are none of ours are told apart from ids that nothing has, in every place that takes one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mutate } from '../support/mutations.ts';
import { argumentError, subscriptionErrors, validationError } from '../support/refusals.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const uuid = '01900000-0000-7000-8000-000000000000';
const globalId = (text: string): string => Buffer.from(text).toString('base64');
type Case = readonly [title: string, id: string];
const malformed: readonly Case[] = [
  ['an empty text', ''],
  ['prose', 'the newest one'],
  ['a number', '12'],
  ['half a UUID', uuid.slice(0, 20)],
  ['a global id of nothing', globalId(`Nothing:${uuid}`)],
  ['a global id without a UUID', globalId('Batch:12')],
  ['a global id with something after it', `${globalId(`Batch:${uuid}`)}!`],
];
const noBatches: readonly Case[] = [...malformed, ['the global id of a job', globalId(`Job:${uuid}`)]];
const noJobs: readonly Case[] = [...malformed, ['the global id of a batch', globalId(`Batch:${uuid}`)]];
const noNodes: readonly Case[] = [
  ...malformed,
  ['a plain UUID', uuid],
  ['an item without its position', globalId(`BatchItem:${uuid}`)],
  ['an item at an impossible position', globalId(`BatchItem:${uuid}:99999999999`)],
];

describe('An id that is', () => {
  it.each(noBatches)('%s is refused where a batch is meant', async (_title, id) => {
    const { errors } = await service.query('query($id: ID!) { batch(id: $id) { id } }', { id });
    expect(errors).toEqual(argumentError('id', '"id" is not the id of a Batch.', ['batch']));

    const requests = { list: [] };
    for (const name of [
      'submitBatch',
      'syncBatch',
      'cancelBatch',
      'retryBatch',
      'deleteBatch',
      'updateBatch',
      'addRequests',
    ]) {
      const input = { batchId: id, ...(name === 'addRequests' ? { requests } : {}) };
      expect(await mutate(service, name, input)).toEqual(
        validationError(['input', 'batchId'], 'batchId is not the id of a Batch.'),
      );
    }

    for (const [field, argument] of [
      ['batchUpdated', 'id'],
      ['batchItemsFinished', 'batchId'],
      ['jobUpdated', 'batchId'],
    ] as const) {
      const query = `subscription($id: ID!) { ${field}(${argument}: $id) { __typename } }`;
      expect(await subscriptionErrors(service, query, { id })).toEqual(
        argumentError(argument, `"${argument}" is not the id of a Batch.`, [field]),
      );
    }
  });

  it.each(noJobs)('%s is refused where a job is meant', async (_title, jobId) => {
    const input = { jobId, resolution: { giveUp: true } };
    expect(await mutate(service, 'resolveJob', input)).toEqual(
      validationError(['input', 'jobId'], 'jobId is not the id of a Job.'),
    );
  });

  it.each(noNodes)('%s is refused where anything is meant', async (_title, id) => {
    const one = await service.query('query($id: ID!) { node(id: $id) { id } }', { id });
    expect(one.errors).toEqual(argumentError('id', '"id" is not a global id.', ['node']));
    const many = await service.query('query($id: ID!) { nodes(ids: [$id]) { id } }', { id });
    expect(many.errors).toEqual(argumentError('ids', '"ids" is not a global id.', ['nodes']));
  });
});

describe('An id that nothing has', () => {
  it('reads as absent in queries, as NotFoundError in mutations and as NOT_FOUND in subscriptions', async () => {
    const { data } = await service.query(
      'query($plain: ID!, $ofBatch: ID!, $ofItem: ID!) { batch(id: $plain) { id } node(id: $ofBatch) { id } nodes(ids: [$ofItem]) { id } }',
      {
        plain: uuid.toUpperCase(),
        ofBatch: globalId(`Batch:${uuid}`),
        ofItem: globalId(`BatchItem:${uuid}:0`),
      },
    );
    expect(data).toEqual({ batch: null, node: null, nodes: [null] });
    expect(
      await mutate(service, 'cancelBatch', { batchId: globalId(`Batch:${uuid.toUpperCase()}`) }),
    ).toEqual({
      __typename: 'NotFoundError',
      code: 'NOT_FOUND',
      message: 'There is no batch with this id.',
      id: uuid,
    });
    const document = 'subscription($id: ID!) { batchUpdated(id: $id) { seq } }';
    expect(await subscriptionErrors(service, document, { id: uuid })).toMatchObject([
      {
        message: 'There is no batch with this id.',
        path: ['batchUpdated'],
        extensions: { code: 'NOT_FOUND' },
      },
    ]);
  });
});
