/** Requests as JSON lines, as text and as a real multipart upload: one wrong line is named, and nothing is stored. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { chatBody } from '../support/documents.ts';
import { type FileMutation, mutateWithFile } from '../support/multipart.ts';
import { mutate } from '../support/mutations.ts';
import { validationError } from '../support/refusals.ts';
import { startTestService, type TestService } from '../support/service.ts';

const bodyBytesMax = 300_000;
let service: TestService;
let batchId: string;
beforeAll(async () => {
  service = await startTestService({ BODY_BYTES_MAX: String(bodyBytesMax) });
  batchId = (await mutate(service, 'createBatch', { provider: 'openai' })).batch.id;
});
afterAll(() => service.close());

const line = (text: string): string => JSON.stringify({ body: chatBody(text) });
const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => line(`q ${index}`));

/** The same content in both forms that take lines; each answers its mutation's member. */
const forms = {
  jsonl: async (content: string) => mutate(service, 'addRequests', { batchId, requests: { jsonl: content } }),
  file: async (content: FileMutation['content']) => {
    const { data } = await mutateWithFile(service, { name: 'addRequests', input: { batchId }, content });
    return data.addRequests;
  },
};

interface Problem {
  readonly line: number | null;
  readonly message: string;
  /** Below `requests.jsonl` or `requests.file`. */
  readonly field?: string;
}

const refusal = (form: string, { line: number, message, field }: Problem) =>
  validationError(['input', 'requests', form, ...(field === undefined ? [] : [field])], message, number);

const neither = 'is neither {custom_id, method, url, body} nor {customId, body}.';
const withLine = (wrong: string): string => [line('fine'), wrong, line('fine')].join('\n');

const refused: ReadonlyArray<readonly [title: string, content: string, problem: Problem]> = [
  ['nothing', '', { line: null, message: 'There is no line with a request in it.' }],
  ['blank lines', '\n \r\n\n', { line: null, message: 'There is no line with a request in it.' }],
  ['prose', 'Dear provider', { line: 1, message: 'Line 1 is not JSON.' }],
  ['a torn line', withLine('{"body": {'), { line: 2, message: 'Line 2 is not JSON.' }],
  ['a list', withLine('[]'), { line: 2, message: 'Line 2 is not a JSON object.' }],
  ['a line of an unknown form', withLine('{"prompt":"x"}'), { line: 2, message: `Line 2 ${neither}` }],
  [
    'a line with a member too many',
    withLine('{"body":{"model":"m"},"priority":1}'),
    { line: 2, message: `Line 2 ${neither}` },
  ],
  [
    "another provider's line",
    withLine('{"custom_id":"a","params":{"model":"m"}}'),
    {
      line: 2,
      message:
        'Line 2 is {custom_id, params}, the form of Anthropic Message Batches; OpenAI Batch API takes {custom_id, method, url, body} or {customId, body}.',
    },
  ],
  [
    'a body that is a list',
    withLine('{"customId":"a","body":[]}'),
    { line: 2, message: `Line 2 ${neither}` },
  ],
  [
    'a custom_id that is a number',
    withLine('{"custom_id":5,"body":{"model":"m"}}'),
    { line: 2, message: 'Line 2: custom_id must be a string.' },
  ],
  [
    'a method that is not POST',
    withLine('{"custom_id":"a","method":"GET","body":{"model":"m"}}'),
    { line: 2, message: 'Line 2: method must be POST.' },
  ],
  [
    'a body with stream: true',
    withLine('{"body":{"model":"m","stream":true}}'),
    { line: 2, message: 'Line 2: body.stream must not be true.', field: 'body' },
  ],
  [
    'a customId twice, blank lines between them counted',
    ['{"customId":"a","body":{"model":"m"}}', '', '{"customId":"a","body":{"model":"m"}}'].join('\n'),
    {
      line: 3,
      message: 'Line 3 has the same customId as line 1; customIds are unique within a batch.',
      field: 'customId',
    },
  ],
];

describe.each(['jsonl', 'file'] as const)('Lines as %s', (form) => {
  it.each(refused)(
    'are refused, the line named and nothing stored, when they hold %s',
    async (_title, content, problem) => {
      expect(await forms[form](content)).toEqual(refusal(form, problem));
      expect(await totalOf(batchId)).toBe(0);
    },
  );

  it('are refused, the line named and nothing stored, when one among a thousand is broken', async () => {
    const content = lines(1000).with(736, '{"body": oops}').join('\n');
    expect(await forms[form](content)).toEqual(
      refusal(form, { line: 737, message: 'Line 737 is not JSON.' }),
    );
    expect(await totalOf(batchId)).toBe(0);
  });

  it('keep a 20-digit integer in the native form and in the plain one', async () => {
    const { batch } = await mutate(service, 'createBatch', { provider: 'openai' });
    const kept = '{"model":"m","seed":12345678901234567890}';
    const content = [`{"body":${kept}}`, `{"custom_id":"native","method":"POST","body":${kept}}`].join(
      '\r\n',
    );
    if (form === 'jsonl')
      await mutate(service, 'addRequests', { batchId: batch.id, requests: { jsonl: content } });
    else await mutateWithFile(service, { name: 'addRequests', input: { batchId: batch.id }, content });
    expect(await bodiesOf(batch.id)).toEqual([kept, kept]);
  });
});

describe('A file', () => {
  it('that is not UTF-8 is refused, the first such line named', async () => {
    const content = Buffer.concat([
      Buffer.from(`${line('fine')}\n${line('fine')}\n{"body": "`),
      Buffer.from([0xff, 0xfe]),
    ]);
    expect(await forms.file(new Uint8Array(content))).toEqual(
      refusal('file', { line: 3, message: 'Line 3 is not UTF-8 text.' }),
    );
    expect(await totalOf(batchId)).toBe(0);
  });

  it('that is an image is refused', async () => {
    const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d]);
    expect(await forms.file(png)).toEqual(refusal('file', { line: 1, message: 'Line 1 is not UTF-8 text.' }));
  });

  it('above the limit is refused, naming its size and the limit', async () => {
    const content = ' '.repeat(bodyBytesMax + 1);
    expect(await forms.file(content)).toEqual(
      refusal('file', {
        line: null,
        message: `The file has ${bodyBytesMax + 1} bytes; at most ${bodyBytesMax} can be sent this way.`,
      }),
    );
  });

  it('of exactly the limit is taken', async () => {
    const content = line('large').padEnd(bodyBytesMax, ' ');
    const { data } = await mutateWithFile(service, {
      name: 'createBatch',
      input: { provider: 'openai' },
      content,
    });
    expect(data.createBatch.__typename).toBe('CreateBatchPayload');
  });

  it('with a byte order mark is taken without it', async () => {
    const content = `\ufeff${line('marked')}\n`;
    const { data } = await mutateWithFile(service, {
      name: 'createBatch',
      input: { provider: 'openai' },
      content,
    });
    expect(await bodiesOf(data.createBatch.batch.id)).toEqual([JSON.stringify(chatBody('marked'))]);
  });

  it('far above the limit is refused by the transport with 413', async () => {
    const { status, errors } = await mutateWithFile(service, {
      name: 'addRequests',
      input: { batchId },
      content: ' '.repeat(bodyBytesMax + 2_000_000),
    });
    expect(status).toBe(413);
    expect(errors).toMatchObject([{ extensions: { code: 'REQUEST_ENTITY_TOO_LARGE' } }]);
  });
});

async function totalOf(id: string): Promise<number> {
  const { data } = await service.query('query($id: ID!) { batch(id: $id) { counts { total } } }', { id });
  return data.batch.counts.total;
}

/** The stored bodies in order, verbatim. */
async function bodiesOf(id: string): Promise<string[]> {
  const { data } = await service.query('query($id: ID!) { batch(id: $id) { inputUrl } }', { id });
  const response = await fetch(data.batch.inputUrl, { headers: { 'x-api-key': sandboxKey } });
  const text = await response.text();
  return text
    .trimEnd()
    .split('\n')
    .map((input) => /"body":(.*)\}$/.exec(input)?.[1] ?? '');
}
