/** Retrying through the API: what is refused and how, what a policy shows, and every attempt of a request in pages. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { argumentError, validationError } from '../support/refusals.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let id: string;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '2' });
  const list = ['', 'emulate:overloaded'].map((directive) => ({ body: chatBody('q', directive) }));
  const retry = { attempts: 3, backoffSeconds: 1 };
  const input = { provider: 'openai', requests: { list }, submit: 'NOW', retry };
  id = (await mutate(service, 'createBatch', input)).batch.id;
  await service.work();
  await service.turn(40, 2);
});
afterAll(() => service.close());

const create = (fields: Record<string, unknown>) =>
  mutate(service, 'createBatch', { provider: 'openai', ...fields });
const retryIt = (fields: Record<string, unknown>) =>
  mutate(service, 'retryBatch', { batchId: id, ...fields });

describe('retryBatch', () => {
  it('answers NothingToRetryError where nothing failed in the way that is asked for', async () => {
    expect(await retryIt({ filter: { status: ['CANCELLED'] } })).toEqual({
      __typename: 'NothingToRetryError',
      code: 'NOTHING_TO_RETRY',
      message: 'No request of the batch has failed in the way that is asked for; nothing was sent.',
    });
  });

  it('answers BatchStateError for an open batch', async () => {
    const { batch } = await create({});
    expect(await mutate(service, 'retryBatch', { batchId: batch.id })).toEqual({
      __typename: 'BatchStateError',
      code: 'WRONG_BATCH_STATE',
      message: 'The batch is open: nothing of it was sent, so nothing can be tried again.',
      status: 'ACCUMULATING',
    });
  });

  it.each([
    [
      'an empty list',
      { customIds: [] },
      ['customIds'],
      'customIds is an empty list; leave it out to match everything.',
    ],
    [
      'what has its answer',
      { customIds: ['item-1'] },
      ['customIds', '0'],
      'customIds[0] has its answer already; it is not sent again.',
    ],
    [
      'what is nothing of it',
      { customIds: ['x'.repeat(600)] },
      ['customIds', '0'],
      'customIds[0] is no request of this batch.',
    ],
    [
      'a code that cannot be',
      { errorCode: ['a\0'] },
      ['errorCode', '0'],
      'An error code must not contain the character NUL.',
    ],
  ])('answers ValidationError for %s, with the way to it', async (_what, filter, path, message) => {
    expect(await retryIt({ filter })).toEqual(validationError(['input', 'filter', ...path], message));
  });
});

describe('A policy', () => {
  it('is shown as it was given, with its default, and as null where there is none', async () => {
    const batch = 'retry { attempts backoffSeconds }';
    const shown = async (fields: Record<string, unknown>) =>
      (await mutate(service, 'createBatch', { provider: 'openai', ...fields }, { batch })).batch.retry;
    expect(await shown({ retry: { attempts: 2 } })).toEqual({ attempts: 2, backoffSeconds: 60 });
    expect(await shown({})).toBeNull();
  });

  it('that cannot be is refused by its path', async () => {
    expect(await create({ retry: { attempts: 1 } })).toEqual(
      validationError(
        ['input', 'retry', 'attempts'],
        'attempts must be a whole number from 2 to 10; the first one counts.',
      ),
    );
  });
});

describe('BatchItem.attempts', () => {
  const attemptsOf = async (args: string) => {
    const { data, errors } = await service.query(
      `query($id: ID!) { batch(id: $id) { attempt item(customId: "item-2") { attempts${args} {
        totalCount pageInfo { hasNextPage hasPreviousPage } edges { cursor node { attempt status job { number notBefore } } } } } } }`,
      { id },
    );
    return { errors, ...data?.batch?.item?.attempts };
  };
  const numbersIn = (page: { edges: { node: { attempt: number } }[] }) =>
    page.edges.map(({ node }) => node.attempt);

  it('lists every attempt, the first one first, each with the job that made it', async () => {
    const all = await attemptsOf('');
    expect(all.totalCount).toBe(3);
    expect(all.edges.map(({ node }: { node: unknown }) => node)).toEqual(
      [1, 2, 3].map((number) => ({ attempt: number, status: 'ERRORED', job: { number, notBefore: null } })),
    );
  });

  it('goes through them in pages both ways', async () => {
    const first = await attemptsOf('(first: 2)');
    expect(numbersIn(first)).toEqual([1, 2]);
    expect(first.pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: false });
    const { cursor } = first.edges[1];
    expect(numbersIn(await attemptsOf(`(first: 2, after: "${cursor}")`))).toEqual([3]);
    expect(numbersIn(await attemptsOf('(last: 1)'))).toEqual([3]);
    expect(numbersIn(await attemptsOf(`(last: 5, before: "${cursor}")`))).toEqual([1]);
  });

  it('refuses a cursor that is none of its own', async () => {
    const { errors } = await attemptsOf('(first: 1, after: "elsewhere")');
    expect(errors).toEqual(argumentError('after', expect.any(String), ['batch', 'item', 'attempts']));
  });
});
