/** Inline requests that cannot be are told as a typed member, in full: which request, which field, which limit. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { openai } from '../../src/providers/openai/index.ts';
import { chatBody } from '../support/documents.ts';
import { mutate, mutationDocument } from '../support/mutations.ts';
import { validationError } from '../support/refusals.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

type Input = Record<string, unknown>;
type Path = readonly string[];

const body = chatBody('hello');
const create = (input: Input) => mutate(service, 'createBatch', { provider: 'openai', ...input });
const add = (batchId: string, requests: Input) => mutate(service, 'addRequests', { batchId, requests });

const list = (...requests: Input[]) => ({ requests: { list: requests } });
const inList = (index: number, ...rest: string[]): Path => ['input', 'requests', 'list', `${index}`, ...rest];
const endpoints = openai.endpoints.join(', ');
const tooLongId = 'Request 1: customId must be 1 to 512 characters long (Unicode code points).';

const refused: ReadonlyArray<readonly [title: string, input: Input, path: Path, message: string]> = [
  [
    'an unknown endpoint of a request',
    list({ body, endpoint: '/v1/nothing' }),
    inList(0, 'endpoint'),
    `Request 1: endpoint must be one of ${endpoints}.`,
  ],
  ...[[], 'text', 5, true].map(
    (wrong) =>
      [
        `a body that is ${JSON.stringify(wrong)}`,
        list({ body }, { body: wrong }),
        inList(1, 'body'),
        'body must be a JSON object.',
      ] as const,
  ),
  [
    'a body with stream: true',
    list({ body }, { body: { ...body, stream: true } }),
    inList(1, 'body'),
    'Request 2: body.stream must not be true.',
  ],
  [
    'a customId that stands twice in one call',
    list({ customId: 'a', body }, { customId: 'b', body }, { customId: 'a', body }),
    inList(2, 'customId'),
    'Request 3 has the same customId as request 1; customIds are unique within a batch.',
  ],
  [
    'a customId that another request gets by default',
    list({ customId: 'item-2', body }, { body }),
    inList(1, 'customId'),
    'Request 2 has the same customId as request 1; customIds are unique within a batch.',
  ],
  ['an empty customId', list({ customId: '', body }), inList(0, 'customId'), tooLongId],
  [
    'a customId of 513 characters',
    list({ customId: 'x'.repeat(513), body }),
    inList(0, 'customId'),
    tooLongId,
  ],
  [
    'a customId of 513 astral characters',
    list({ customId: '😀'.repeat(513), body }),
    inList(0, 'customId'),
    tooLongId,
  ],
  [
    'a customId with NUL',
    list({ customId: 'a\0', body }),
    inList(0, 'customId'),
    'Request 1: customId must not contain the character NUL (U+0000).',
  ],
  [
    'a customId with a lone surrogate',
    list({ customId: 'a\ud800', body }),
    inList(0, 'customId'),
    'Request 1: customId must be well-formed Unicode, without lone surrogates.',
  ],
];

describe('createBatch', () => {
  it.each(refused)(
    'refuses %s, naming the request and the field, and makes no batch',
    async (_title, input, path, message) => {
      const before = await batchCount();
      expect(await create(input)).toEqual(validationError(path, message));
      expect(await batchCount()).toBe(before);
    },
  );

  it('tells every issue of a call at once', async () => {
    const answer = await create(list({ body: { ...body, stream: true } }, { body }, { customId: '', body }));
    expect(answer.issues.map(({ path }: { path: Path }) => path)).toEqual([
      inList(0, 'body'),
      inList(2, 'customId'),
    ]);
    expect(answer.message).toBe('Request 1: body.stream must not be true. (and 1 more)');
  });

  it('lists a hundred issues and tells how many there were', async () => {
    const answer = await create(list(...Array.from({ length: 130 }, () => ({ customId: '', body }))));
    expect(answer.issues).toHaveLength(100);
    expect(answer.message).toBe(`${tooLongId} (and 129 more)`);
  });

  it('takes a customId of 512 astral characters and finds the item by it', async () => {
    const customId = '😀'.repeat(512);
    const { batch } = await create(list({ customId, body }));
    const { data } = await service.query(
      'query($id: ID!, $customId: String!) { batch(id: $id) { item(customId: $customId) { customId position } } }',
      { id: batch.id, customId },
    );
    expect(data.batch.item).toEqual({ customId, position: 0 });
  });

  it('refuses an integer inline that JSON parsing would change, with its whole path', async () => {
    const variables = `{"input":{"provider":"openai","requests":{"list":[
      {"body":{"model":"m","tools":[{"seed":12345678901234567890}]}}]}}}`;
    const answer = await postRaw(
      `{"query":${JSON.stringify(mutationDocument('createBatch'))},"variables":${variables}}`,
    );
    expect(answer.data.createBatch).toEqual(
      validationError(
        inList(0, 'body', 'tools', '0', 'seed'),
        'Request 1 has a number that JSON parsing cannot keep exactly; send it as jsonl or as a file.',
      ),
    );
  });

  it('refuses a number inline that is beyond all numbers', async () => {
    const answer = await postRaw(
      `{"query":${JSON.stringify(mutationDocument('createBatch'))},"variables":{"input":{"provider":"openai",
        "requests":{"list":[{"body":{"model":"m","temperature":1e999}}]}}}}`,
    );
    expect(answer.data.createBatch.issues).toMatchObject([{ path: inList(0, 'body', 'temperature') }]);
  });

  const forms = { list: [{ body }], jsonl: JSON.stringify({ body }) };
  it.each([
    ['two forms of requests', forms],
    ['no form of requests', {}],
    ['a form that is null', { list: null }],
  ])('refuses %s as bad input at the top of the answer', async (_title, requests) => {
    const { data, errors } = await service.query(mutationDocument('createBatch'), {
      input: { provider: 'openai', requests },
    });
    expect(data ?? null).toBeNull();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(errors?.[0].message).toContain('exactly one field must be specified');
  });
});

describe('addRequests', () => {
  it('refuses a customId that the batch has already, and adds nothing of the call', async () => {
    const { batch } = await create(list({ customId: 'taken', body }, { body }));
    expect(await add(batch.id, { list: [{ body }, { customId: 'taken', body }] })).toEqual(
      validationError(
        inList(1, 'customId'),
        'Request 2 has a customId that the batch has already; customIds are unique within a batch.',
      ),
    );
    const jsonl = ['', JSON.stringify({ body }), JSON.stringify({ customId: 'item-2', body })].join('\n');
    expect(await add(batch.id, { jsonl })).toEqual(
      validationError(
        ['input', 'requests', 'jsonl', 'customId'],
        'Line 3 has a customId that the batch has already; customIds are unique within a batch.',
        3,
      ),
    );
    expect(await totalOf(batch.id)).toBe(2);
  });

  it('refuses a batch that was submitted', async () => {
    const { batch } = await create({ ...list({ body }), submit: 'NOW' });
    expect(await add(batch.id, { list: [{ body }] })).toEqual({
      __typename: 'BatchStateError',
      code: 'WRONG_BATCH_STATE',
      message: 'The batch is closed; requests can only be added to an open one.',
      status: 'SUBMITTED',
    });
    expect(await totalOf(batch.id)).toBe(1);
  });
});

async function batchCount(): Promise<number> {
  const { data } = await service.query('{ batches(first: 0) { totalCount } }');
  return data.batches.totalCount;
}

async function totalOf(id: string): Promise<number> {
  const { data } = await service.query('query($id: ID!) { batch(id: $id) { counts { total } } }', { id });
  return data.batch.counts.total;
}

/** Posts the text of a request as it is, for what `JSON.stringify` cannot write. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
async function postRaw(text: string): Promise<any> {
  const response = await fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${sandboxKey}` },
    body: text,
  });
  return response.json();
}
