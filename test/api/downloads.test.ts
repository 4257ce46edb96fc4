/** Downloads give back, in the caller's order and byte for byte, what was sent and what the provider answered. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { chatBody } from '../support/documents.ts';
import { mutateWithFile } from '../support/multipart.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const get = (url: string, headers: Record<string, string> = { authorization: `Bearer ${sandboxKey}` }) =>
  fetch(url, { headers });

async function linesOf(url: string): Promise<string[]> {
  const response = await get(url);
  expect(response.status).toBe(200);
  const text = await response.text();
  if (text === '') return [];
  expect(text.endsWith('\n')).toBe(true);
  return text.slice(0, -1).split('\n');
}

async function urlOf(id: string): Promise<string> {
  const { data } = await service.query('query($id: ID!) { batch(id: $id) { url } }', { id });
  return data.batch.url;
}

const finish = async () => {
  await service.work();
  await service.turn(120, 15);
};

const head = '"model":"gpt-5-mini","messages":[{"role":"user","content":"q"}]';
/** Bodies that any re-serialisation would change, by what is odd about them. */
const oddBodies = {
  'spaces where nobody needs them': `{  ${head} ,\t"temperature" :  1.0 }`,
  'an integer of 20 digits': `{${head},"seed":12345678901234567890}`,
  'a number with an exponent': `{${head},"temperature":1.50E+0}`,
  'a key twice': `{${head},"user":"first","user":"second"}`,
  'an escaped NUL': `{${head},"user":"a\\u0000b"}`,
  'a lone surrogate, escaped': `{${head},"user":"\\ud83d \\udc00"}`,
  'escapes that need not be': `{${head},"user":"\\u0061\\/\\u00e9"}`,
  'text beyond ASCII': `{${head},"user":"é 漢 😀 \u2028"}`,
  'brackets and quotes inside texts': `{${head},"user":"}],{\\"body\\":[\\\\"}`,
} as const;

describe('Requests', () => {
  const bodies = Object.values(oddBodies);
  const sent = bodies.map((body, index) => `{ "customId" : "odd-${index}" , "body" : ${body} }`);

  it.each(['jsonl', 'file'] as const)(
    'sent as %s come back with their bodies byte for byte, in order',
    async (form) => {
      const content = sent.join('\n');
      const input = { provider: 'openai' };
      const created =
        form === 'jsonl'
          ? await mutate(service, 'createBatch', { ...input, requests: { jsonl: content } })
          : (await mutateWithFile(service, { name: 'createBatch', input, content })).data.createBatch;
      const lines = await linesOf(`${await urlOf(created.batch.id)}/input.jsonl`);
      expect(lines).toEqual(
        bodies.map(
          (body, index) => `{"customId":"odd-${index}","endpoint":"/v1/chat/completions","body":${body}}`,
        ),
      );
    },
  );

  it('reach the provider byte for byte too', async () => {
    const input = { provider: 'openai', requests: { jsonl: sent.join('\n') }, submit: 'NOW' };
    await mutate(service, 'createBatch', input);
    await service.work();
    const uploaded = await contentOf('input_file_id');
    const bodiesSent = uploaded
      .trimEnd()
      .split('\n')
      .map((line) => /"body":(.*)\}$/s.exec(line)?.[1]);
    expect(bodiesSent).toEqual(bodies);
  });

  it('that name no model get it as their first member, and nothing else changes', async () => {
    const body = '{ "messages" : [] , "seed" : 12345678901234567890 }';
    const input = { provider: 'openai', model: 'gpt-5-mini', requests: { jsonl: `{"body":${body}}` } };
    const { batch } = await mutate(service, 'createBatch', input);
    const [line] = await linesOf(`${await urlOf(batch.id)}/input.jsonl`);
    expect(line).toContain(
      `"body":{"model":"gpt-5-mini", "messages" : [] , "seed" : 12345678901234567890 }}`,
    );
  });

  it('come back as the same items when the download is uploaded again', async () => {
    const { batch } = await mutate(service, 'createBatch', {
      provider: 'openai',
      requests: { jsonl: sent.join('\n') },
    });
    const first = await (await get(`${await urlOf(batch.id)}/input.jsonl`)).text();
    const { data } = await mutateWithFile(service, {
      name: 'createBatch',
      input: { provider: 'openai' },
      content: first,
    });
    const again = data.createBatch.batch.id;
    expect(await (await get(`${await urlOf(again)}/input.jsonl`)).text()).toBe(first);
    const items = 'items(first: 100) { edges { node { position customId endpoint model request } } }';
    const [one, other] = await Promise.all(
      [batch.id, again].map((id) =>
        service.query(`query($id: ID!) { batch(id: $id) { bytes ${items} } }`, { id }),
      ),
    );
    expect(other).toEqual(one);
  });
});

describe('Results', () => {
  const fates = ['', 'errored', '', 'expired', 'malformed', 'overloaded', '', 'missing'];
  let url: string;
  let id: string;
  /** The provider's own lines by the position that their key names, as it sends them. */
  let provided: Map<number, string>;
  beforeAll(async () => {
    const list = fates.map((fate, index) => ({
      customId: `name "${index}" é`,
      body: chatBody(`q ${index}`, fate === '' ? '' : `emulate:${fate}`),
    }));
    const { batch } = await mutate(service, 'createBatch', {
      provider: 'openai',
      requests: { list },
      submit: 'NOW',
    });
    id = batch.id;
    url = await urlOf(id);
    const effect = { kind: 'rewrite', rewrite: oddly } as const;
    // However often they are read: a reading that breaks off is begun again.
    const { faults } = service.emulator('openai');
    faults.add({ operation: 'content', effect, times: Number.POSITIVE_INFINITY });
    await finish();
    faults.clear();
    provided = await providedLines();
  });

  const position = (line: string): number => JSON.parse(line).position;

  it('that succeeded stand in output.jsonl, the others in errors.jsonl, both in order', async () => {
    expect((await linesOf(`${url}/output.jsonl`)).map(position)).toEqual([0, 2, 6]);
    expect((await linesOf(`${url}/errors.jsonl`)).map(position)).toEqual([1, 3, 4, 5, 7]);
  });

  it("hold the provider's lines byte for byte", async () => {
    const lines = [...(await linesOf(`${url}/output.jsonl`)), ...(await linesOf(`${url}/errors.jsonl`))];
    const whole = lines.filter((line) => !/"code"\s*:\s*"m(?:alformed|issing)_result"/.test(line));
    expect(whole).toHaveLength(6);
    for (const line of whole) {
      const raw = provided.get(position(line)) ?? '';
      expect(raw).toContain('"n":12345678901234567890');
      const { customId, status } = JSON.parse(line);
      expect(
        line.startsWith(
          `{"position":${position(line)},"customId":${JSON.stringify(customId)},"status":"${status}","result":${raw}`,
        ),
      ).toBe(true);
    }
  });

  it('say of each failure what it was, and show a torn line as text', async () => {
    const failures = (await linesOf(`${url}/errors.jsonl`)).map((line) => JSON.parse(line));
    expect(failures).toMatchObject([
      {
        position: 1,
        customId: 'name "1" é',
        status: 'ERRORED',
        error: { message: 'This request was asked to fail.' },
      },
      { position: 3, status: 'EXPIRED', error: { code: 'batch_expired' } },
      { position: 4, status: 'ERRORED', result: expect.any(String), error: { code: 'malformed_result' } },
      { position: 5, status: 'ERRORED', error: { code: 'server_overloaded' } },
      { position: 7, status: 'ERRORED', result: null, error: { code: 'missing_result' } },
    ]);
  });

  it('are announced by the URLs of the batch', async () => {
    const { data } = await service.query(
      'query($id: ID!) { batch(id: $id) { url inputUrl outputUrl errorUrl } }',
      { id },
    );
    expect(data.batch).toEqual({
      url,
      inputUrl: `${url}/input.jsonl`,
      outputUrl: `${url}/output.jsonl`,
      errorUrl: `${url}/errors.jsonl`,
    });
  });

  it.each(['input', 'output', 'errors'])('go on after any position of %s', async (kind) => {
    const whole = await linesOf(`${url}/${kind}.jsonl`);
    const positions = kind === 'input' ? fates.map((_fate, index) => index) : whole.map(position);
    for (let after = 0; after <= fates.length; after += 1) {
      const rest = whole.filter((_line, index) => (positions[index] ?? 0) > after);
      expect(await linesOf(`${url}/${kind}.jsonl?after=${after}`)).toEqual(rest);
    }
  });
});

it('Lines are all there wherever they lie among the positions: a few far apart, many in a row, and at both ends', async () => {
  const count = 3000;
  const failed = (index: number) =>
    [0, 1, 250, 900, 2998, 2999].includes(index) || (index > 1400 && index < 1900);
  const jsonl = Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      customId: `item ${index}`,
      body: chatBody(`q ${index}`, failed(index) ? 'emulate:errored' : ''),
    }),
  ).join('\n');
  const { batch } = await mutate(service, 'createBatch', {
    provider: 'openai',
    requests: { jsonl },
    submit: 'NOW',
  });
  await finish();
  const url = await urlOf(batch.id);
  const all = Array.from({ length: count }, (_, index) => index);
  for (const after of [-1, 0, 250, 1500, 2997, 2999]) {
    const query = after < 0 ? '' : `?after=${after}`;
    const positionsOf = async (kind: string) =>
      (await linesOf(`${url}/${kind}.jsonl${query}`)).map((line) => JSON.parse(line).position);
    const wanted = all.filter((index) => index > after);
    expect(await positionsOf('errors')).toEqual(wanted.filter(failed));
    expect(await positionsOf('output')).toEqual(wanted.filter((index) => !failed(index)));
    expect(await linesOf(`${url}/input.jsonl${query}`)).toHaveLength(wanted.length);
  }
});

/** A provider's lines as no serialiser would write them, so that any that touched them would show. */
const oddly = (lines: string): string =>
  lines.replaceAll('{"id":', '{ "n":12345678901234567890, "é":"\\u0000","id" :');

/** The content of a file of the newest batch that the emulator has. */
async function contentOf(member: 'input_file_id' | 'output_file_id' | 'error_file_id'): Promise<string> {
  const { baseUrl, apiKey } = service.emulator('openai');
  const headers = { authorization: `Bearer ${apiKey}` };
  const list = await (await fetch(`${baseUrl}/batches?limit=1`, { headers })).json();
  return (await fetch(`${baseUrl}/files/${list.data[0][member]}/content`, { headers })).text();
}

async function providedLines(): Promise<Map<number, string>> {
  const contents = [await contentOf('output_file_id'), await contentOf('error_file_id')];
  const lines = contents.flatMap((content) => oddly(content).trimEnd().split('\n'));
  return new Map(lines.map((line) => [Number(/"custom_id":"[a-z0-9]+-(\d+)"/.exec(line)?.[1]), line]));
}
