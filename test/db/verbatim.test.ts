/** Bodies are text: what a caller wrote is what the provider gets, and what it answers is what is downloaded. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutateWithFile } from '../support/multipart.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, itemsNow, jobNow } from '../support/verbs.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
});
afterEach(async () => {
  // Nothing is left running that could meet the next test's faults.
  await service.turn(20, 10);
  await expectInvariants(service.app.services.db);
});
afterAll(() => service.close());

/** Members that JSON allows and that do not survive being parsed and written again, or being stored as jsonb. */
const oddities = {
  'an escaped NUL': String.raw`"x":"a\u0000b"`,
  'escaped lone surrogates': String.raw`"x":"\ud800 and \udfff"`,
  'escapes that need not be': String.raw`"x":"\u0041\/\u00e9\ud83d\ude00"`,
  'doubled members': `"x":1,"x":{"y":2,"y":3},"x":[4]`,
  'numbers of twenty digits': `"x":12345678901234567890,"y":-98765432109876543210`,
  'numbers in other words': `"x":1.0,"y":1e2,"z":-0,"w":0.1000000000000000055511151231257827`,
  'blanks and tabs': `  "x" :\t[ 1 ,2,\t3 ]  `,
  'characters that look like blanks': `"x":"a\u00a0b\u2028c\u2029d\ufefFe\u0085f\u007f"`,
  'characters of every length': '"x":"é ß 漢 😀 e\u0301"',
  'members with dangerous names': `"__proto__":{"x":1},"constructor":2,"":3`,
  'text that looks like a key of the line': `"x":"\\"body\\":{\\"custom_id\\":1}}"`,
};
const names = Object.keys(oddities);
const bodies = Object.values(oddities).map(
  (oddity) => `{ "model":"gpt-5-mini",\t"messages":[{"role":"user","content":"hi"}],${oddity}}`,
);

const download = async (url: string): Promise<string[]> => {
  const response = await fetch(url, { headers: { authorization: `Bearer ${sandboxKey}` } });
  expect(response.status).toBe(200);
  return (await response.text()).trimEnd().split('\n');
};
const urlOf = (id: string, kind: string) => `${service.url}/batches/${id}/${kind}.jsonl`;

/** The batch that a mutation's answer names. */
const uuidOf = async (globalId: string): Promise<string> =>
  (await service.query('query($id: ID!) { batch(id: $id) { uuid } }', { id: globalId })).data.batch.uuid;

/** Makes a batch of the odd bodies, as a file in OpenAI's form or as text in our own, and submits it. */
async function submitOdd(form: 'file' | 'jsonl'): Promise<string> {
  const input = { provider: 'openai', submit: 'NOW' };
  const lines = bodies.map((body, index) =>
    form === 'file'
      ? `{"custom_id":"${index}" ,"method":"POST","url":"/v1/chat/completions", "body": ${body} }`
      : `{"body":${body},"customId":"${index}"}`,
  );
  const content = lines.join(form === 'file' ? '\r\n' : '\n');
  const answer =
    form === 'file'
      ? await mutateWithFile(service, { name: 'createBatch', input, content })
      : await service.query(
          `mutation($input: CreateBatchInput!) {
             createBatch(input: $input) { __typename ... on CreateBatchPayload { batch { id } } } }`,
          { input: { ...input, requests: { jsonl: content } } },
        );
  expect(answer.data.createBatch.__typename).toBe('CreateBatchPayload');
  const id = await uuidOf(answer.data.createBatch.batch.id);
  await service.work();
  return id;
}

describe.each(['file', 'jsonl'] as const)('Bodies that come as %s', (form) => {
  it('reach the provider, and are downloaded, byte for byte', async () => {
    const id = await submitOdd(form);
    const { nonce, inputFileId } = await jobNow(service.app.services, id);
    const { baseUrl, apiKey } = service.emulator('openai');
    const file = await fetch(`${baseUrl}/files/${inputFileId}/content`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    const received = (await file.text()).trimEnd().split('\n');
    expect(received).toEqual(
      bodies.map(
        (body, index) =>
          `{"custom_id":"${nonce}-${index}","method":"POST","url":"/v1/chat/completions","body":${body}}`,
      ),
    );
    expect(await download(urlOf(id, 'input'))).toEqual(
      bodies.map((body, index) => `{"customId":"${index}","endpoint":"/v1/chat/completions","body":${body}}`),
    );
    const { bytes } = await batchNow(service.app.services, id);
    expect(bytes).toBe(bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0));
  });
});

describe('Result lines', () => {
  it('are downloaded byte for byte, each under its own request', async () => {
    const id = await submitOdd('jsonl');
    const { nonce } = await jobNow(service.app.services, id);
    const lines = Object.values(oddities).map(
      (oddity, index) =>
        `{"custom_id":"${nonce}-${index}", "response":{"status_code":200,"body":{"choices":[],${oddity}}},"error":null}`,
    );
    service.emulator('openai').faults.add({
      operation: 'content',
      // Out of order, as providers send them, and with the other kind of line end.
      effect: { kind: 'rewrite', rewrite: () => lines.toReversed().join('\r\n') },
    });
    await service.turn(20, 10);
    expect(await batchNow(service.app.services, id)).toMatchObject({ succeeded: lines.length, errored: 0 });
    expect(await download(urlOf(id, 'output'))).toEqual(
      lines.map(
        (line, index) => `{"position":${index},"customId":"${index}","status":"SUCCEEDED","result":${line}}`,
      ),
    );
  });

  it('that are no JSON are kept as text, with what Postgres cannot hold marked, and nobody’s are strays', async () => {
    const id = await submitOdd('jsonl');
    const { nonce } = await jobNow(service.app.services, id);
    const torn = `{"custom_id":"${nonce}-0", "response":{"raw":"\0`;
    const line = (index: number) =>
      `{"custom_id":"${nonce}-${index}","response":{"status_code":200,"body":{}},"error":null}`;
    const rest = names.slice(1).map((_, index) => line(index + 1));
    service.emulator('openai').faults.add({
      operation: 'content',
      effect: { kind: 'rewrite', rewrite: () => [torn, 'no line of anybody\0', ...rest].join('\n') },
    });
    await service.turn(20, 10);
    const [first, ...others] = await itemsNow(service.app.services, id);
    expect(first).toMatchObject({ status: 'ERRORED', errorCode: 'malformed_result' });
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set(['SUCCEEDED']));
    const [kept] = await download(urlOf(id, 'errors'));
    expect(JSON.parse(kept ?? '').result).toBe(torn.replace('\0', '\ufffd'));
    const { data } = await service.query(
      'query($id: ID!) { batch(id: $id) { jobs(first: 1) { edges { node { strayCount } } } } }',
      { id },
    );
    expect(data.batch.jobs.edges[0].node.strayCount).toBe(1);
  });
});
