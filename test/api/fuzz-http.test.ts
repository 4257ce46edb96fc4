/** Whatever is sent to any route: a proper answer, no fault, no hang, nothing of the inside, and no memory kept. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { providers } from '../../src/providers/registry.ts';
import { anyOperation } from '../support/any-operation.ts';
import { chatBody } from '../support/documents.ts';
import {
  countCases,
  deepJson,
  expectProper,
  expectSound,
  heapBytes,
  oddJson,
  oddTexts,
} from '../support/fuzz.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { requestBytes, sendBytes } from '../support/wire.ts';

const cases = countCases();
let service: TestService;
let id: string;
let uuid: string;
let heapAtFirst: number;
beforeAll(async () => {
  service = await startTestService({ LOG_LEVEL: 'warn' });
  const input = { provider: 'openai', requests: { list: [{ body: chatBody('q') }] } };
  ({ id, uuid } = (await mutate(service, 'createBatch', input, { batch: 'id uuid' })).batch);
  // What is made once is made by now.
  for (let turn = 0; turn < 20; turn += 1)
    await send('POST', '/graphql', json, '{"query":"{viewer{sandbox}}"}');
  heapAtFirst = heapBytes();
});
afterAll(async () => {
  cases.tell();
  await service.close();
});

type Headers = readonly (readonly [string, string])[];
const key: Headers = [['x-api-key', sandboxKey]];
const json: Headers = [...key, ['content-type', 'application/json']];
const send = (method: string, target: string, headers: Headers, body: Buffer | string = '') =>
  sendBytes(service.url, requestBytes(method, target, headers, body));
const sendJson = (value: unknown) => send('POST', '/graphql', json, JSON.stringify(value));

const good = JSON.stringify({
  query: 'query($first: Int) { batches(first: $first) { totalCount edges { node { id name } } } }',
  variables: { first: 2 },
});

/** What chance does to a text: bytes turned over, put in, cut off, or doubled. */
const harms = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    kind: fc.nat(3),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
  }),
  { minLength: 1, maxLength: 4 },
);
function harmed(text: string, by: readonly { at: number; kind: number; bytes: Uint8Array }[]): Buffer {
  return by.reduce((bytes, harm) => {
    const at = Math.floor(harm.at * bytes.length);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    if (harm.kind === 0) return Buffer.concat([before, harm.bytes, after.subarray(harm.bytes.length)]);
    if (harm.kind === 1) return Buffer.concat([before, harm.bytes, after]);
    return harm.kind === 2 ? Buffer.from(before) : Buffer.concat([before, after, after]);
  }, Buffer.from(text));
}

describe('GraphQL over HTTP', () => {
  it('answers bodies that are broken anywhere', () =>
    cases.run('broken bodies', 250, harms, async (by) => {
      expectProper(await send('POST', '/graphql', json, harmed(good, by)));
    }));

  it('answers bodies of any JSON', () =>
    cases.run(
      'bodies of any JSON',
      200,
      fc.oneof(
        oddJson,
        fc.record(
          {
            query: oddJson,
            variables: oddJson,
            operationName: oddJson,
            extensions: oddJson,
            documentId: oddJson,
            more: oddJson,
          },
          { requiredKeys: [] },
        ),
        fc.record(
          {
            query: fc.constant('query Q($first: Int) { batches(first: $first) { totalCount } }'),
            variables: oddJson,
            operationName: oddJson,
            extensions: oddJson,
          },
          { requiredKeys: ['query'] },
        ),
      ),
      async (body) => expectProper(await sendJson(body)),
    ));

  it('answers values of any kind for every argument there is', () =>
    cases.run('values of arguments', 500, anyOperation('query', 'mutation'), async ({ query, variables }) => {
      expectProper(await sendJson({ query, variables }));
    }));

  it('answers documents made of anything that GraphQL is made of', () => {
    const words = [
      '{',
      '}',
      '(',
      ')',
      '[',
      ']',
      ':',
      '!',
      '$',
      '@',
      '...',
      '=',
      '|',
      '&',
      '"',
      '"""',
      '#',
      ',',
      '\n',
      '-1',
      '1.5',
      '1e999',
      'on',
      'query',
      'mutation',
      'subscription',
      'fragment',
      'viewer',
      'batches',
      'first',
      'edges',
      'node',
      'id',
      '__schema',
      '__typename',
      'type',
      'Batch',
      '$first',
      '\u0000',
      '\ud83d',
      'é',
      '"\\uD800"',
    ];
    return cases.run(
      'documents',
      250,
      fc.array(fc.constantFrom(...words), { maxLength: 40 }),
      async (soup) => {
        expectProper(await sendJson({ query: soup.join(' ') }));
      },
    );
  });

  it('answers what is large or deep in every way', () => {
    const deep = deepJson(100_000);
    const input = (body: string) =>
      `{"query":"mutation($input: CreateBatchInput!) { createBatch(input: $input) { __typename } }","variables":{"input":{"provider":"openai","requests":{"list":[{"body":${body}}]}}}}`;
    return cases.each(
      'large and deep ones',
      [
        deep,
        `{"query":"{viewer{sandbox}}","variables":${`{"a":`.repeat(50_000)}1${'}'.repeat(50_000)}}`,
        `{"query":"{viewer{sandbox}}","extensions":{"a":${deep}}}`,
        `{"query":"{viewer{sandbox}}","variables":{"a":${deep}}}`,
        input(deep),
        input(`{"a":${deepJson(120)}}`),
        JSON.stringify({ query: `{ a(b: ${deep}) }` }),
        JSON.stringify({ query: '{ viewer '.repeat(60_000) }),
        JSON.stringify({ query: `{ viewer { sandbox } } # ${'x'.repeat(2_000_000)}` }),
        JSON.stringify({ query: `{ batch(id: "${'x'.repeat(2_000_000)}") { id } }` }),
        JSON.stringify({
          query: `query(${Array.from({ length: 3000 }, (_, at) => `$v${at}: Int`).join(' ')}) { viewer { sandbox } }`,
        }),
        JSON.stringify({
          query: '{ viewer { sandbox } }',
          variables: Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`v${at}`, at])),
        }),
        JSON.stringify({
          query:
            'mutation($input: CreateBatchInput!) { createBatch(input: $input) { ... on Error { code } } }',
          variables: {
            input: { provider: 'openai', requests: { jsonl: `{"custom_id":"a","body":${deep}}` } },
          },
        }),
      ],
      async (body) => expectProper(await send('POST', '/graphql', json, body)),
    );
  });

  it('answers every content type with every body', () => {
    const types = [
      '',
      'text/plain',
      'application/json; charset=utf-16',
      'application/json, text/html',
      'APPLICATION/JSON',
      'application/graphql',
      'application/graphql+json',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'multipart/form-data; boundary=',
      'multipart/form-data; boundary=x',
      'multipart/mixed; boundary=x',
      'application/octet-stream',
      'x'.repeat(5000),
      '\u00ff',
      ';;;',
    ];
    const bodies = [
      '',
      good,
      'query={viewer{sandbox}}',
      'query=%ff&variables=%7B',
      'query={viewer{sandbox}}&variables={',
      '{ viewer { sandbox } }',
      '--x\r\n\r\n--x--',
      '\u0000\u00ff',
      '[]',
      'null',
    ];
    const all = types.flatMap((type) =>
      bodies.flatMap((body) => ['identity', 'gzip'].map((encoding) => ({ type, body, encoding }))),
    );
    return cases.each('content types', all, async ({ type, body, encoding }) => {
      const headers: Headers = [
        ...key,
        ...(type === '' ? [] : ([['content-type', type]] as const)),
        ['content-encoding', encoding],
      ];
      expectProper(await send('POST', '/graphql', headers, body));
    });
  });

  it('answers queries by GET of any kind', () =>
    cases.run(
      'queries by GET',
      150,
      fc.record({
        query: fc.constantFrom(
          '{viewer{sandbox}}',
          '',
          'mutation{x}',
          'subscription{batchesUpdated{seq}',
          '{',
          ...oddTexts.filter(({ length }) => length < 1000),
        ),
        variables: fc.constantFrom('', '{', '[]', 'null', '1', '"x"', '{"a":1}', '%', '\u0000'),
        more: fc.constantFrom(
          '',
          '&query=x',
          '&extensions={',
          '&extensions=[1]',
          '&documentId=%00',
          '&operationName=%ff',
          '&%=%',
          '&=',
        ),
      }),
      async ({ query, variables, more }) => {
        const target = `/graphql?query=${encodeURIComponent(query.toWellFormed())}&variables=${variables.replace('\u0000', '%00')}${more}`;
        expectProper(await send('GET', target, key));
      },
    ));

  it('answers multipart requests that are put together wrongly', () => {
    const query =
      'mutation($f: File) { createBatch(input: { provider: "openai", requests: { file: $f } }) { __typename ... on Error { code } } }';
    const operations = JSON.stringify({ query, variables: { f: null } });
    const maps = [
      '{"0":["variables.f"]}',
      '{"0":"variables.f"}',
      '{"0":null}',
      '{"0":1}',
      '{"0":[1,null]}',
      '{"0":["__proto__.polluted"]}',
      '{"0":["constructor.prototype.polluted"]}',
      '{"0":["query"]}',
      '{"0":["variables"]}',
      '{"0":[""]}',
      '{"0":["a.b.c.d.e"]}',
      '{"1":["variables.f"]}',
      '[["variables.f"]]',
      'null',
      '1',
      '"x"',
      '{',
      '',
    ];
    const all = [
      operations,
      '',
      '{',
      'null',
      '1',
      '"x"',
      '[]',
      `[${operations}]`,
      '{"query":1}',
      '{}',
    ].flatMap((given) => maps.map((map) => ({ given, map })));
    const part = (name: string, value: string) =>
      `--x\r\ncontent-disposition: form-data; name="${name}"${name === '0' ? '; filename="f"\r\ncontent-type: application/jsonl' : ''}\r\n\r\n${value}\r\n`;
    const forms = [
      ...all.map(
        ({ given, map }) => `${part('operations', given)}${part('map', map)}${part('0', '{}')}--x--\r\n`,
      ),
      `${part('0', '{}')}${part('map', maps[0] ?? '')}${part('operations', operations)}--x--\r\n`,
      `${part('operations', operations)}${part('operations', '{')}--x--\r\n`,
      `${part('operations', operations)}${part('map', maps[0] ?? '')}--x--\r\n`,
      part('operations', operations),
      `${part('0', operations).replace('"0"', '"operations"')}--x--\r\n`,
      `--x\r\n${'x-header: y\r\n'.repeat(5000)}\r\n--x--`,
      part('a', 'b').repeat(5000),
      '--x\r\ncontent-disposition: form-data; name="operations',
      '',
    ];
    return cases.each('multipart requests', forms, async (form) => {
      expectProper(
        await send('POST', '/graphql', [...key, ['content-type', 'multipart/form-data; boundary=x']], form),
      );
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    });
  });
});

describe('Every route', () => {
  const tails = () => [
    '',
    '/',
    '/x',
    '?',
    '?after=1',
    '?after=%00',
    '?after=99999999999',
    '#',
    '//',
    '/..',
    '/%2e%2e',
    '%',
    '%00',
    '%ff',
    ';x',
    '/'.repeat(2000),
  ];
  const targets = () => [
    '/',
    '/graphql',
    '/graphql/page/x.js',
    '/healthz',
    '/readyz',
    `/batches/${uuid}`,
    `/batches/${uuid}/input.jsonl`,
    `/batches/${uuid}/output.jsonl`,
    `/batches/${id}/errors.jsonl`,
    '/batches/%00',
    '/batches/',
    '/callbacks/openai/abc',
    '/callbacks/nobody/abc',
    '/nowhere',
    '*',
    'http://elsewhere.example/graphql',
    '//elsewhere.example/healthz',
    '/\\..\\..',
    'x'.repeat(15_000),
  ];

  it('answers every method and every spelling of its path', async () => {
    const all = targets().flatMap((target) => tails().map((tail) => `${target}${tail}`));
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND'];
    await cases.each('paths and methods', all, async (target) => {
      const method = methods[all.indexOf(target) % methods.length] ?? 'GET';
      expectProper(await send(method, target, key));
      expectProper(await send('GET', target, key));
    });
  });

  it('answers headers that are odd', async () => {
    const odd: Headers[] = [
      [['accept', 'text/html']],
      [['accept', '']],
      [['accept', 'nothing/at-all']],
      [['accept', `${'a/b,'.repeat(2000)}`]],
      [['authorization', 'Bearer']],
      [['authorization', `Bearer ${'x'.repeat(7000)}`]],
      [['authorization', 'Bearer \u0080\u00ff']],
      [['x-api-key', '\u00ff\u0000'.replace('\u0000', '')]],
      [['x-api-key', "' or 1=1 --"]],
      [
        ['x-api-key', sandboxKey],
        ['x-api-key', 'another'],
      ],
      [
        ['host', 'a'],
        ['host', 'b'],
      ],
      [['host', '\u00ff[']],
      [['origin', 'null']],
      [['origin', '\u00ff']],
      [
        ['x-forwarded-host', 'evil.example'],
        ['x-forwarded-proto', 'javascript'],
      ],
      [['expect', '100-continue']],
      [['expect', 'the unexpected']],
      [['range', 'bytes=5-1,-1']],
      [
        ['upgrade', 'h2c'],
        ['connection', 'upgrade'],
      ],
      [['content-length', '-1']],
      [['content-length', '1e3']],
      [
        ['content-length', '5'],
        ['content-length', '6'],
      ],
      [
        ['content-length', '5'],
        ['transfer-encoding', 'chunked'],
      ],
      [['transfer-encoding', 'chunked, identity']],
      [['transfer-encoding', 'chunked']],
      [['a'.repeat(20_000), 'b']],
      [['bad name', 'x']],
      Array.from({ length: 1500 }, (_, at) => [`h${at}`, 'x'] as const),
    ];
    const routes = [
      '/graphql',
      '/healthz',
      `/batches/${uuid}`,
      `/batches/${uuid}/input.jsonl`,
      '/callbacks/openai/abc',
    ];
    const all = odd.flatMap((headers) =>
      routes.flatMap((target) => ['GET', 'POST'].map((method) => ({ headers, target, method }))),
    );
    await cases.each('headers', all, async ({ headers, target, method }) => {
      const whole = !headers.some(([name]) => /^(?:content-length|transfer-encoding|connection)$/.test(name));
      const bytes = requestBytes(method, target, [...key, ...headers], method === 'POST' ? good : '');
      expectProper(await sendBytes(service.url, bytes, { whole }), { whole });
    });
  });

  it('answers, or closes, what is no HTTP at all', () =>
    cases.run(
      'bytes that are no HTTP',
      100,
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.constant(Buffer.from('GET /graphql HTTP/9.9\r\n\r\n')),
        fc.constant(Buffer.from('GET /graphql\r\n\r\n')),
        fc.constant(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01])),
        harms.map((by) => harmed(requestBytes('POST', '/graphql', json, good).toString('latin1'), by)),
      ),
      async (bytes) =>
        expectProper(await sendBytes(service.url, Buffer.from(bytes), { whole: false }), { whole: false }),
    ));

  it("answers calls to every provider's callback address, whatever they say", () =>
    cases.run(
      'calls of providers',
      200,
      fc.record({
        provider: fc.constantFrom(...providers.map(({ name }) => name)),
        token: fc.constantFrom('abc', 'account', '0'.repeat(64)),
        body: fc.oneof(
          oddJson.map((value) => JSON.stringify(value)),
          fc.string(),
          fc.constant(deepJson(50_000)),
        ),
        headers: fc.constantFrom<Headers>(
          [],
          [
            ['webhook-id', 'x'],
            ['webhook-timestamp', '1'],
            ['webhook-signature', 'v1,x'],
          ],
          [
            ['webhook-id', '\u00ff'],
            ['webhook-timestamp', '99999999999999999999'],
            ['webhook-signature', 'v1a,,, v1,'],
          ],
          [['sync-signature', 't=1,v1=x']],
          [['authorization', 'Bearer a.b.c']],
        ),
      }),
      async ({ provider, token, body, headers }) => {
        expectProper(await send('POST', `/callbacks/${provider}/${token}`, headers, body));
      },
    ));
});

describe('After all of it', () => {
  it('the service works as ever, and logged no fault', () => expectSound(service));

  it('it holds no more memory than before', () => {
    expect(heapBytes() - heapAtFirst).toBeLessThan(60_000_000);
  });
});
