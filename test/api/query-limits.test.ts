/** What asks for too much is refused before anything is read, through every door in the same words. */
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { sandboxKey } from '../../src/first-keys.ts';
import { doors, doorsOfMutations, post, type Question } from '../support/doors.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const nested = (levels: number): unknown => (levels === 0 ? 1 : { deep: nested(levels - 1) });
const chain = (fields: number): string =>
  fields === 1 ? 'id' : `batch { jobs { edges { node { ${chain(fields - 4)} } } } }`;

/** One step beyond each limit: what is asked, the code, the limit and how much there is. */
const beyond: ReadonlyArray<readonly [title: string, Question, code: string, limit: number, value: number]> =
  [
    [
      'a document of too many tokens',
      { query: `{ viewer { ${'sandbox '.repeat(20_000)} } }` },
      'QUERY_TOO_LONG',
      10_000,
      10_001,
    ],
    [
      'a document of brackets alone',
      { query: `{ batches(filter: ${'['.repeat(9000)}` },
      'QUERY_TOO_DEEP',
      153,
      154,
    ],
    [
      'variables that nest too deep',
      {
        query: 'query($filter: BatchFilter) { batches(filter: $filter) { totalCount } }',
        variables: { filter: nested(128) as object },
      },
      'INPUT_TOO_DEEP',
      128,
      129,
    ],
    [
      'fields that lie too deep',
      { query: `{ jobs { edges { node { ${chain(25)} } } } }` },
      'QUERY_TOO_DEEP',
      25,
      28,
    ],
    [
      'too many fields side by side',
      { query: `{ viewer { ${'sandbox '.repeat(1001)} } }` },
      'QUERY_TOO_BROAD',
      1000,
      1001,
    ],
    [
      'too many fields, by fragments',
      { query: `{ ${'...F '.repeat(10)} } fragment F on Query { viewer { ${'sandbox '.repeat(500)} } }` },
      'QUERY_TOO_LARGE',
      5000,
      5010,
    ],
    [
      'too many aliases',
      { query: `{ viewer { ${Array.from({ length: 501 }, (_, at) => `a${at}: sandbox`).join(' ')} } }` },
      'QUERY_TOO_MANY_ALIASES',
      500,
      501,
    ],
    [
      'too many directives',
      { query: `{ viewer { sandbox ${'@skip(if: false) '.repeat(101)} } }` },
      'QUERY_TOO_MANY_DIRECTIVES',
      100,
      101,
    ],
    [
      'pages inside of pages',
      {
        query:
          '{ batches(first: 100) { edges { node { items(first: 1000) { edges { node { id customId } } } } } } }',
      },
      'QUERY_TOO_COMPLEX',
      250_000,
      2 + 100 * (3 + 1000 * 3),
    ],
    [
      'a page of a million, by a variable',
      { query: 'query($n: Int) { batches(first: $n) { edges { cursor } } }', variables: { n: 1_000_000 } },
      'QUERY_TOO_COMPLEX',
      250_000,
      1_000_002,
    ],
    [
      'a subscription whose every event is too much',
      {
        query:
          'subscription { batchItemsFinished(batchId: "x") { items { batch { items(first: 1000) { edges { cursor } } } } } }',
      },
      'QUERY_TOO_COMPLEX',
      250_000,
      1_003_002,
    ],
  ];

/** The statements of an answer beside those that sign in. */
async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  service.statements.length = 0;
  await work();
  return service.statements.filter((text) => !/api_keys|pg_catalog\.pg_type|pg_notify/.test(text));
}

describe('An operation beyond a limit', () => {
  it.each(beyond)(
    '%s is refused by every door alike, before any statement',
    async (_title, question, code, limit, value) => {
      const statements = await statementsOf(async () => {
        const answer = await post(service, question);
        expect(answer).toEqual({
          errors: [{ message: expect.stringContaining(String(limit)), extensions: { code, limit, value } }],
        });
        for (const [name, ask] of doorsOfMutations)
          expect(await ask(service, question), name).toEqual(answer);
      });
      expect(statements).toEqual([]);
    },
  );

  it('has a status of its own for those who ask for GraphQL over HTTP by its media type', async () => {
    for (const [accept, status] of [
      ['application/json', 200],
      ['application/graphql-response+json', 400],
    ] as const) {
      const { status: answered } = await fetch(`${service.url}/graphql`, {
        method: 'POST',
        headers: { accept, 'content-type': 'application/json', 'x-api-key': sandboxKey },
        body: JSON.stringify({ query: '{ batches(first: 1000000) { edges { cursor } } }' }),
      });
      expect(answered).toBe(status);
    }
  });

  it('is not read at all without a key', async () => {
    const answer = await post(service, { query: `{ viewer { ${'sandbox '.repeat(20_000)} } }` }, 'bq_wrong');
    expect(answer).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });
});

describe('Within the limits', () => {
  it('the whole schema can be asked for, as tools do', async () => {
    const query = getIntrospectionQuery({ inputValueDeprecation: true, oneOf: true, specifiedByUrl: true });
    const { errors, data } = await service.query(query);
    expect(errors).toBeUndefined();
    expect(data.__schema.types.length).toBeGreaterThan(50);
  });

  it('a document is answered alike when it is known by now', async () => {
    const query = `{ viewer { ${'sandbox '.repeat(400)} } }`;
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await service.query(query)).toEqual({ data: { viewer: { sandbox: true } } });
    }
  });

  it('an answer tells its complexity to whoever asks for it', async () => {
    const question = {
      query: '{ batches(first: 10) { totalCount edges { cursor } } }',
      extensions: { complexity: true },
    };
    const answer = await post(service, question);
    expect(answer).toMatchObject({ data: { batches: { totalCount: 0 } }, extensions: { complexity: 13 } });
    for (const [name, ask] of doorsOfMutations) expect(await ask(service, question), name).toEqual(answer);
    expect(await post(service, { query: question.query })).not.toHaveProperty('extensions');
  });
});

describe('Several operations in one request', () => {
  const operation = { query: '{ viewer { sandbox } }' };
  it.each<[string, () => RequestInit]>([
    [
      'as JSON',
      () => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify([operation]) }),
    ],
    [
      'as multipart',
      () => {
        const body = new FormData();
        body.set('operations', JSON.stringify([operation, operation]));
        body.set('map', '{}');
        return { body };
      },
    ],
  ])('are refused, %s', async (_title, request) => {
    const { headers, body } = request() as { headers?: Record<string, string>; body: string | FormData };
    const statements = await statementsOf(async () => {
      const response = await fetch(`${service.url}/graphql`, {
        method: 'POST',
        headers: { 'x-api-key': sandboxKey, ...headers },
        body,
      });
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({
        errors: [{ message: 'Batching is not supported.', extensions: { code: 'BAD_REQUEST' } }],
      });
    });
    expect(statements).toEqual([]);
  });
});

describe('A service that hides its schema', () => {
  let closed: TestService;
  beforeAll(async () => {
    closed = await startTestService({ INTROSPECTION: 'false', GRAPHIQL: 'false' });
  });
  afterAll(() => closed.close());

  it.each(['{ __schema { types { name } } }', '{ viewer { sandbox } type: __type(name: "Batch") { name } }'])(
    'refuses %s through every door alike',
    async (query) => {
      const answer = await post(closed, { query });
      expect(answer).toEqual({
        errors: [
          { message: 'The schema cannot be asked for here.', extensions: { code: 'INTROSPECTION_OFF' } },
        ],
      });
      for (const [name, ask] of doors) expect(await ask(closed, { query }), name).toEqual(answer);
    },
  );

  it('still tells the names of types that an answer has', async () => {
    expect(await closed.query('{ viewer { __typename } }')).toEqual({
      data: { viewer: { __typename: 'Viewer' } },
    });
  });

  it.each<[string, Question]>([
    ['a field', { query: '{ viewer { sandbo } }' }],
    ['an argument', { query: '{ batches(firs: 1) { totalCount } }' }],
    ['a type', { query: '{ node(id: "x") { ... on Batc { id } } }' }],
    [
      'a word of an enum in a variable',
      {
        query: 'query($status: [BatchStatus!]) { batches(filter: { status: $status }) { totalCount } }',
        variables: { status: ['COMPLETE'] },
      },
    ],
  ])(
    'tells nothing of what may have been meant by %s, where an open one in the sandbox does',
    async (_title, question) => {
      for (const [, ask] of doors)
        expect(JSON.stringify(await ask(closed, question))).not.toMatch(/did you mean/i);
      expect(JSON.stringify(await post(service, question))).toMatch(/did you mean/i);
    },
  );

  it('serves no page to browsers, and none of its files', async () => {
    const page = await fetch(`${closed.url}/graphql`, { headers: { accept: 'text/html' } });
    expect(page.status).toBeGreaterThanOrEqual(400);
    expect(page.headers.get('content-type') ?? '').not.toContain('html');
  });
});

describe('A web page', () => {
  const socketFrom = (origin: string, url = service.url): Promise<string> => {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws', { origin });
    return new Promise((resolve) => {
      socket.on('open', () => {
        socket.close();
        resolve('open');
      });
      socket.on('error', ({ message }) => resolve(message));
    });
  };

  it('that may not read answers may not open a WebSocket either, whatever key it knows', async () => {
    for (const origin of ['https://evil.example.com', 'null', `${service.url}.evil.example`]) {
      expect(await socketFrom(origin)).toMatch(/403/);
    }
    expect(await socketFrom(service.url)).toBe('open');
  });

  it('that CORS_ORIGINS names may', async () => {
    const allowing = await startTestService({ CORS_ORIGINS: 'https://app.example.com' });
    try {
      expect(await socketFrom('https://app.example.com', allowing.url)).toBe('open');
      expect(await socketFrom('https://evil.example.com', allowing.url)).toMatch(/403/);
    } finally {
      await allowing.close();
    }
  });
});
