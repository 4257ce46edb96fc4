/**
 * How many statements an answer costs depends on what is asked, never on how many rows there are: held for every
 * field of every type below a list, as the schema has them.
 */
import { getNamedType, isLeafType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { fieldsOf, leavesOf, placesBelowLists, selectionsOf } from '../support/selections.ts';
import { startTestService, type TestService } from '../support/service.ts';

const sizes = [1, 10, 50] as const;
let service: TestService;
beforeAll(async () => {
  service = await startTestService({ CALLBACK_ALLOW: '127.0.0.1' });
  // Every row has something behind each of its fields: successes, failures, lines that are nobody's, and calls.
  const list = ['', 'emulate:errored', 'emulate:foreign'].map((directive, index) => ({
    body: chatBody(`q ${index}`, directive),
  }));
  for (let batch = 0; batch < 50; batch += 1) {
    const callbackUrl = 'http://127.0.0.1:1/nobody';
    const input = { provider: 'openai', callbackUrl, requests: { list }, submit: 'NOW' };
    await mutate(service, 'createBatch', input);
  }
  await service.work();
  await service.turn(30, 15);
}, 120_000);
afterAll(() => service.close());

/** Said at its own pace: by the driver about types on each new connection, by the listener to hear itself. */
const ofTheProcess = /pg_catalog\.pg_type|pg_notify/;

/** The statements of a query, sign-in included; fails where the answer has errors or is not about `rows` rows. */
async function statementsOf(document: string, rows?: number): Promise<string[]> {
  service.statements.length = 0;
  const { data, errors } = await service.query(document);
  const statements = service.statements.filter((statement) => !ofTheProcess.test(statement));
  expect(errors, document).toBeUndefined();
  const [list] = Object.values(data) as { edges: unknown[] }[];
  if (rows !== undefined) expect(list?.edges).toHaveLength(rows);
  return statements;
}

const places = placesBelowLists();

it('The walk through the schema finds the types that lie below lists', () => {
  const names = places.map(({ type }) => type.name);
  expect(names).toEqual(
    expect.arrayContaining(['Batch', 'BatchItem', 'Job', 'BatchLogEntry', 'ErrorGroup', 'CallbackAttempt']),
  );
});

/** Every field of every type below a list: those with fields of their own singly, the leaves of a type together. */
const cases = places.flatMap((place) => {
  const nested = fieldsOf(place.type).filter((field) => !isLeafType(getNamedType(field.type)));
  const selections = [leavesOf(place.type) || '__typename', ...nested.flatMap(selectionsOf)];
  return selections.map((selection) => [place.type.name, selection, place] as const);
});

it.each(cases)(
  'Under many of %s, "%s" takes as many statements for one as for fifty',
  async (_type, selection, place) => {
    const counts: number[] = [];
    for (const rows of sizes) counts.push((await statementsOf(place.query(selection, rows), rows)).length);
    expect(counts, place.query(selection, 1)).toEqual(sizes.map(() => counts[0]));
  },
);

describe('The count of statements', () => {
  it('sees what each list costs', async () => {
    const one = await statementsOf('{ batches { edges { cursor } } }');
    const two = await statementsOf('{ batches { edges { cursor } } jobs { edges { cursor } } }');
    expect(two.length - one.length).toBe(1);
  });

  it('is at most three beside sign-in for a page of 50 batches with counts and jobs', async () => {
    const statements = await statementsOf(
      `{ batches(first: 50) { pageInfo { hasNextPage endCursor } edges { node { ${batchFields}
        jobs(first: 20) { edges { node { id number status providerJobId requestCount counts { total succeeded } error { code } } } } } } } }`,
      50,
    );
    const [signIn, ...rest] = statements;
    expect(signIn).toContain('api_keys');
    expect(rest.length).toBeLessThanOrEqual(3);
  });

  it('is one beside sign-in for a hundred nodes of a type', async () => {
    const { data } = await service.query(
      '{ batches(first: 50) { edges { node { id } } } jobs(first: 50) { edges { node { id } } } }',
    );
    const ids = (list: { edges: { node: { id: string } }[] }) => list.edges.map(({ node }) => node.id);
    const nodes = (all: string[]) => statementsOf(`{ nodes(ids: ${JSON.stringify(all)}) { id } }`);
    expect(await nodes(ids(data.batches))).toHaveLength(2);
    expect(await nodes([...ids(data.batches), ...ids(data.jobs)])).toHaveLength(3);
  });

  it('is sign-in alone for what is no row: viewer and providers', async () => {
    const statements = await statementsOf(
      '{ viewer { organization { name } apiKey { name } } providers { name limits { requestsMax } } }',
    );
    expect(statements).toHaveLength(1);
  });
});

const batchFields =
  'id name status progress counts { total pending submitted succeeded errored expired cancelled }';
