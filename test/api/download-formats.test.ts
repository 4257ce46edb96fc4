/** Downloads come in the format that is asked for, of every provider alike, and are as small as their reader allows. */
import { get } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { bodyFor, modelFor } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

const headers = { authorization: `Bearer ${sandboxKey}` };
const fates = ['', 'emulate:errored', '', 'emulate:malformed', ''];

let service: TestService;
let urls: Record<string, { url: string; inputUrl: string; outputUrl: string; errorUrl: string }>;
beforeAll(async () => {
  service = await startTestService();
  const ids: Record<string, string> = {};
  for (const provider of ['openai', 'gemini']) {
    const list = fates.map((fate, index) => ({
      customId: `"${provider}", ${index}`,
      body: bodyFor(provider, `q ${index}`, fate, index),
    }));
    const input = { provider, ...modelFor(provider), requests: { list }, submit: 'NOW' };
    ids[provider] = (await mutate(service, 'createBatch', input)).batch.id;
  }
  await service.work();
  await service.turn(120, 30);
  urls = Object.fromEntries(
    await Promise.all(
      Object.entries(ids).map(async ([provider, id]) => [provider, await urlsOf(id, 'OPENAI')]),
    ),
  );
});
afterAll(() => service.close());

async function urlsOf(id: string, format: string) {
  const { data } = await service.query(
    `query($id: ID!) { batch(id: $id) { url inputUrl(format: ${format}) outputUrl(format: ${format}) errorUrl(format: ${format}) } }`,
    { id },
  );
  return data.batch;
}

const textOf = async (url: string): Promise<string> => {
  const response = await fetch(url, { headers });
  expect(response.status).toBe(200);
  return response.text();
};
const linesOf = async (url: string) =>
  (await textOf(url))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe.each(['openai', 'gemini'])("OpenAI's lines of a batch for %s", (provider) => {
  const of = (field: 'inputUrl' | 'outputUrl' | 'errorUrl') => linesOf(urls[provider]?.[field] ?? '');

  it('hold each request as that API takes it', async () => {
    const lines = await of('inputUrl');
    expect(lines).toHaveLength(fates.length);
    for (const [index, line] of lines.entries())
      expect(line).toMatchObject({
        custom_id: `"${provider}", ${index}`,
        method: 'POST',
        url: expect.stringMatching(/^\/?[\w/]+$/),
        body: expect.any(Object),
      });
  });

  it('hold each answer under the same names, and its error where there is one', async () => {
    const answers = await of('outputUrl');
    expect(answers.map(({ custom_id: customId }) => customId)).toEqual(
      [0, 2, 4].map((index) => `"${provider}", ${index}`),
    );
    for (const answer of answers)
      expect(answer).toEqual({
        id: expect.stringMatching(/:\d$/),
        custom_id: expect.any(String),
        response: expect.objectContaining({ status_code: 200, body: expect.any(Object) }),
        error: null,
      });
    const [refused, torn] = await of('errorUrl');
    expect(refused).toMatchObject({ error: { code: expect.any(String), message: expect.any(String) } });
    expect(torn).toMatchObject({ response: null, error: { code: 'malformed_result' } });
  });
});

describe('Rows for tables', () => {
  it('tell of each result its state, text, tokens and cost', async () => {
    const rows = await linesOf(`${urls['openai']?.url}/output.jsonl?format=flat`);
    const items =
      'items(first: 10, filter: { status: SUCCEEDED }) { edges { node { position customId status text';
    const { data } = await service.query(
      `query($id: ID!) { batch(id: $id) { ${items} usage { inputTokens outputTokens } cost { actual } } } } } }`,
      { id: urls['openai']?.url.split('/').at(-1) },
    );
    expect(
      rows.map(({ position, customId, status, text, inputTokens, outputTokens, costUsd }) => ({
        position,
        customId,
        status,
        text,
        usage: { inputTokens, outputTokens },
        cost: Number(costUsd),
      })),
    ).toEqual(
      data.batch.items.edges.map(({ node }: { node: { cost: { actual: string } } }) => ({
        ...node,
        cost: Number(node.cost.actual),
      })),
    );
    const failed = await linesOf(`${urls['openai']?.url}/errors.jsonl?format=flat`);
    expect(failed).toMatchObject([
      { position: 1, status: 'ERRORED', text: null, costUsd: null, errorCode: expect.any(String) },
      { position: 3, text: null, errorCode: 'malformed_result' },
    ]);
  });

  it('come as CSV under a header, which a resumed download leaves out', async () => {
    const url = `${urls['gemini']?.url}/output.jsonl?format=csv`;
    const whole = await textOf(url);
    expect(whole).toMatch(/^position,customId,status,text,.*,costUsd\n0,"""gemini"", 0",SUCCEEDED,/);
    const rest = await textOf(`${url}&after=0`);
    expect(whole.endsWith(rest)).toBe(true);
    expect(rest).toMatch(/^2,"""gemini"", 2",/);
    const { headers: told } = await fetch(url, { headers, method: 'HEAD' });
    expect(told.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(told.get('content-disposition')).toMatch(/^attachment; filename=[0-9a-f-]+-output\.csv$/);
  });
});

describe('A download', () => {
  const raw = (url: string, encoding?: string) =>
    new Promise<{ coding: string | undefined; body: Buffer }>((resolve, reject) => {
      const wanted = encoding === undefined ? headers : { ...headers, 'accept-encoding': encoding };
      get(url, { headers: wanted }, async (response) => {
        const body = Buffer.concat(await response.toArray());
        resolve({ coding: response.headers['content-encoding'], body });
      }).on('error', reject);
    });

  it('is compressed for whoever takes gzip, and for nobody else', async () => {
    const url = `${urls['openai']?.url}/output.jsonl`;
    const plain = await raw(url);
    const compressed = await raw(url, 'br, gzip');
    expect([plain.coding, compressed.coding]).toEqual([undefined, 'gzip']);
    expect(gunzipSync(compressed.body)).toEqual(plain.body);
    expect((await raw(url, 'gzip;q=0')).body).toEqual(plain.body);
  });

  it('can be asked for by HEAD, which says the same of it without a line', async () => {
    for (const kind of ['input', 'output', 'errors']) {
      const url = `${urls['openai']?.url}/${kind}.jsonl`;
      const [head, whole] = await Promise.all(
        ['HEAD', 'GET'].map((method) => fetch(url, { headers, method })),
      );
      const told = ({ headers }: Response) =>
        ['content-type', 'content-disposition', 'content-encoding', 'vary'].map((name) => headers.get(name));
      expect(told(head as Response)).toEqual(told(whole as Response));
      expect(await head?.text()).toBe('');
      await whole?.text();
    }
  });

  it.each([
    ['input', 'flat', 'verbatim, openai'],
    ['input', 'csv', 'verbatim, openai'],
    ['output', 'parquet', 'verbatim, openai, flat, csv'],
    ['errors', 'OPENAI', 'verbatim, openai, flat, csv'],
  ])('of %s in the format %s is refused with the formats that there are', async (kind, format, known) => {
    const response = await fetch(`${urls['openai']?.url}/${kind}.jsonl?format=${format}`, { headers });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { code: 'INVALID_ARGUMENT', message: `format must be one of ${known}.` },
    });
  });
});
