/** One API through four doors: what is asked over POST, GET, SSE or WebSocket is answered word for word alike. */
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { chatBody } from '../support/documents.ts';
import { doors, doorsOfMutations, post, type Question } from '../support/doors.ts';
import { addKey, organizationOf } from '../support/keys.ts';
import { mutate, mutationDocument } from '../support/mutations.ts';
import { leavesOf, placesBelowLists } from '../support/selections.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let id: string;
let readKey: string;
beforeAll(async () => {
  service = await startTestService();
  const list = ['', 'emulate:errored'].map((directive) => ({ body: chatBody('q é 😀', directive) }));
  id = (await mutate(service, 'createBatch', { provider: 'openai', requests: { list }, submit: 'NOW' })).batch
    .id;
  await service.work();
  await service.turn(30, 15);
  readKey = await addKey(service, await organizationOf(service), { scope: 'read' });
});
afterAll(() => service.close());

const expectSame = async (question: Question, through: typeof doors, key = sandboxKey): Promise<unknown> => {
  const answer = await post(service, question, key);
  for (const [name, ask] of through) expect(await ask(service, question, key), name).toEqual(answer);
  return answer;
};

const places = placesBelowLists();
const node = (type: string): string =>
  leavesOf(places.find((place) => place.type.name === type)?.type ?? null);
const whole = `query Whole($id: ID!) { viewer { sandbox } providers { name limits { requestsMax bytesMax } }
  batches(first: 5) { totalCount pageInfo { endCursor } edges { cursor node { id } } }
  batch(id: $id) { ${node('Batch')} counts { total succeeded errored } usage { inputTokens }
    items { edges { node { ${node('BatchItem')} error { code message } usage { outputTokens } } } }
    jobs { edges { node { ${node('Job')} } } } events { edges { node { ${node('BatchLogEntry')} } } } } }`;

describe('The same question', () => {
  it('gets the same data through every door', async () => {
    const answer = await expectSame({ query: whole, variables: { id } }, doors);
    expect(answer).toMatchObject({ data: { batch: { status: 'COMPLETED' }, viewer: { sandbox: true } } });
  });

  it('gets the operation that it names', async () => {
    const query = 'query One { viewer { sandbox } } query Two { providers { name } }';
    expect(await expectSame({ query, operationName: 'Two' }, doors)).toHaveProperty('data.providers');
  });

  it.each<[string, Question, string]>([
    ['an argument out of range', { query: '{ batches(first: -1) { totalCount } }' }, 'INVALID_ARGUMENT'],
    [
      'a wrong id beside good fields',
      { query: '{ viewer { sandbox } batch(id: "x") { id } }' },
      'INVALID_ARGUMENT',
    ],
    ['a field that does not exist', { query: '{ nothing }' }, 'GRAPHQL_VALIDATION_FAILED'],
    ['a document that ends too soon', { query: '{ viewer {' }, 'GRAPHQL_PARSE_FAILED'],
    [
      'an operation that is not there',
      { query: 'query A { viewer { sandbox } }', operationName: 'B' },
      'OPERATION_RESOLUTION_FAILURE',
    ],
    [
      'one of two operations, without its name',
      { query: 'query A { viewer { sandbox } } query B { viewer { sandbox } }' },
      'OPERATION_RESOLUTION_FAILURE',
    ],
    [
      'a document without an operation',
      { query: 'fragment A on Viewer { sandbox }' },
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['a variable that is missing', { query: whole }, 'BAD_USER_INPUT'],
    [
      'a variable of the wrong type',
      { query: 'query($first: Int) { batches(first: $first) { totalCount } }', variables: { first: 'x' } },
      'BAD_USER_INPUT',
    ],
    [
      'a moment that is none',
      {
        query: 'query($at: DateTime) { batches(filter: { createdAfter: $at }) { totalCount } }',
        variables: { at: 'x' },
      },
      'BAD_USER_INPUT',
    ],
  ])('gets the same error through every door: %s', async (_title, question, code) => {
    expect(await expectSame(question, doors)).toMatchObject({ errors: [{ extensions: { code } }] });
  });

  it('gets the same members of a union, and the same FORBIDDEN, for a mutation', async () => {
    const query = mutationDocument('createBatch', 'status');
    const good = { query, variables: { input: { provider: 'openai' } } };
    expect(await expectSame(good, doorsOfMutations)).toMatchObject({
      data: { createBatch: { __typename: 'CreateBatchPayload' } },
    });
    const bad = { query, variables: { input: { provider: 'nobody' } } };
    expect(await expectSame(bad, doorsOfMutations)).toMatchObject({
      data: { createBatch: { __typename: 'ValidationError', code: 'VALIDATION_FAILED' } },
    });
    expect(await expectSame(good, doorsOfMutations, readKey)).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
      data: null,
    });
  });

  it('gets the same masked fault', async () => {
    const sql = postgres(service.app.databaseUrl, { max: 1 });
    try {
      await sql`alter table jobs rename to jobs_away`;
      const question = { query: '{ viewer { sandbox } jobs { totalCount } }' };
      expect(await expectSame(question, doors)).toMatchObject({
        errors: [{ path: ['jobs'], extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
      });
    } finally {
      await sql`alter table jobs_away rename to jobs`;
      await sql.end();
    }
  });
});
