/** Pages and cursors that cannot be are refused with the argument's name: never a fault, never silently made to fit. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { argumentError, subscriptionErrors } from '../support/refusals.ts';
import { type GraphqlAnswer, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let batchId: string;
beforeAll(async () => {
  service = await startTestService();
  const requests = { list: [{ body: chatBody('one') }, { body: chatBody('two') }] };
  const input = { provider: 'openai', requests, submit: 'NOW' };
  batchId = (await mutate(service, 'createBatch', input)).batch.id;
});
afterAll(() => service.close());

/** Every list: its largest page, the kinds of its cursors' keys, and how to ask for it. */
const lists = {
  batches: { max: 100, keys: ['batch', '2026-11-23T10:00:00.000Z', '01900000-0000-7000-8000-000000000000'] },
  jobs: { max: 100, keys: ['jobOfAll', '2026-11-23T10:00:00.000Z', '01900000-0000-7000-8000-000000000000'] },
  'batch items': { max: 1000, keys: ['item', 1] },
  'batch jobs': { max: 100, keys: ['job', 1] },
  'batch events': { max: 100, keys: ['event', 1] },
} as const;
type List = keyof typeof lists;
const listNames = Object.keys(lists) as List[];

async function ask(list: List, page: string): Promise<GraphqlAnswer> {
  const field = `${list.replace('batch ', '')}(${page}) { edges { cursor } }`;
  const document = list.startsWith('batch ') ? `{ batch(id: "${batchId}") { ${field} } }` : `{ ${field} }`;
  return service.query(document);
}

const cursor = (...keys: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(keys)).toString('base64url');

describe.each(listNames)('The list %s', (list) => {
  const { max, keys } = lists[list];
  const path = list.split(' ');
  const [kind, ...places] = keys;
  const otherKind = kind === 'item' ? 'job' : 'item';
  const notNumber = (argument: string, asked: number) =>
    `"${argument}" must be a whole number from 0 to ${max}; it is ${asked}.`;
  const notCursor = (argument: string) => `"${argument}" is not a cursor of this list.`;

  it.each([
    ['first: -1', 'first', notNumber('first', -1)],
    ['first: 100000', 'first', notNumber('first', 100_000)],
    [`first: ${max + 1}`, 'first', notNumber('first', max + 1)],
    ['last: -1', 'last', notNumber('last', -1)],
    [`last: ${max + 1}`, 'last', notNumber('last', max + 1)],
    ['first: 1, last: 1', 'last', '"first" and "last" cannot be used together.'],
    [`last: 1, after: "${cursor(...keys)}"`, 'after', '"after" goes with "first".'],
    [`first: 1, before: "${cursor(...keys)}"`, 'before', '"before" goes with "last".'],
    ['after: ""', 'after', notCursor('after')],
    ['after: "garbage"', 'after', notCursor('after')],
    ['last: 1, before: "garbage"', 'before', notCursor('before')],
    [`after: "${cursor(otherKind, ...places)}"`, 'after', notCursor('after')],
    [`after: "${cursor(kind)}"`, 'after', notCursor('after')],
    [`after: "${cursor(...keys, 1)}"`, 'after', notCursor('after')],
    [`after: "${cursor(kind, ...places.map(() => null))}"`, 'after', notCursor('after')],
    [`after: "${cursor(kind, ...places.map(() => true))}"`, 'after', notCursor('after')],
    [`after: "${cursor(kind, ...places.map(() => 'x'))}"`, 'after', notCursor('after')],
    [`after: "${cursor(kind, ...places.map(() => 2 ** 40))}"`, 'after', notCursor('after')],
    [`after: "${cursor(kind, ...places.map(() => -1))}"`, 'after', notCursor('after')],
    [`after: "${cursor(kind, '0000-01-01T00:00:00.000Z', places[1])}"`, 'after', notCursor('after')],
    [`after: "${cursor(...keys)}="`, 'after', notCursor('after')],
  ])('refuses %s', async (page, argument, message) => {
    const { data, errors } = await ask(list, page);
    expect(errors).toEqual(argumentError(argument, message, path));
    expect(data).toEqual(path.length === 1 ? null : { batch: null });
  });

  it('gives a largest page, and an empty one', async () => {
    for (const page of [`first: ${max}`, `last: ${max}`, 'first: 0', 'last: 0']) {
      expect((await ask(list, page)).errors).toBeUndefined();
    }
  });
});

describe('The cursor of', () => {
  const forged = [
    '',
    'garbage',
    cursor('item', 1),
    cursor('frame', 'x', 'y'),
    cursor('feed', 1, 1),
    cursor('frame', 1, 2 ** 40),
  ];
  it.each([
    [
      'batchItemsFinished',
      'subscription($id: ID!, $after: String) { batchItemsFinished(batchId: $id, after: $after) { cursor } }',
    ],
    ['batchesUpdated', 'subscription($after: String) { batchesUpdated(after: $after) { cursor } }'],
  ])('%s is refused where it is forged', async (field, document) => {
    for (const after of forged) {
      expect(await subscriptionErrors(service, document, { id: batchId, after })).toEqual(
        argumentError('after', '"after" is not a cursor of this list.', [field]),
      );
    }
  });

  it('batchUpdated is refused where it is negative', async () => {
    const document = 'subscription($id: ID!) { batchUpdated(id: $id, after: -1) { seq } }';
    expect(await subscriptionErrors(service, document, { id: batchId })).toEqual(
      argumentError('after', '"after" must not be negative.', ['batchUpdated']),
    );
  });
});
