/**
 * A page reads only the columns that it is asked for, by what each field says it is made of. A field that says too little
 * would be null, or wrong, on a page alone: so each is asked alone, on pages and of the row itself.
 */
import type { GraphQLObjectType } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../src/schema/index.ts';
import { fieldsOf, selectionsOf } from '../support/selections.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { settle, tenantSettings } from '../support/tenant.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService(tenantSettings);
  await settle(service, 'ours');
}, 120_000);
afterAll(() => service.close());

// biome-ignore lint/suspicious/noExplicitAny: rows of any shape
type Rows = any[];

/** What is asked of each row on a page, beside the row's id; and by the row's id alone. */
async function both(page: string, path: (data: Rows) => Rows, type: string, selection: string) {
  const paged = await service.query(page.replace('SELECTION', selection));
  const ids = await service.query(page.replace('SELECTION', 'id'));
  expect([paged.errors, ids.errors]).toEqual([undefined, undefined]);
  const rows = path(paged.data);
  const whole = await Promise.all(
    path(ids.data).map(async ({ id }) => {
      const { data, errors } = await service.query(
        `query($id: ID!) { node(id: $id) { ... on ${type} { ${selection} } } }`,
        { id },
      );
      expect(errors).toBeUndefined();
      return data.node;
    }),
  );
  expect(rows.length).toBeGreaterThan(0);
  return { rows, whole };
}

const nodesOf = (connection: { edges: { node: unknown }[] }): Rows =>
  connection.edges.map(({ node }) => node);

describe.each<[string, string, string, (data: never) => Rows]>([
  ['batches', 'Batch', '{ list: batches { edges { node { SELECTION } } } }', ({ list }) => nodesOf(list)],
  ['jobs', 'Job', '{ list: jobs { edges { node { SELECTION } } } }', ({ list }) => nodesOf(list)],
  [
    'jobs of batches',
    'Job',
    '{ list: batches { edges { node { jobs { edges { node { SELECTION } } } } } } }',
    ({ list }) => nodesOf(list).flatMap(({ jobs }) => nodesOf(jobs)),
  ],
])('A page of %s', (_name, type, page, path) => {
  const fields = fieldsOf(schema.getType(type) as GraphQLObjectType);
  it.each(fields.map((field) => [field.name, selectionsOf(field)] as const))(
    'tells "%s" as the row itself does',
    async (_field, selections) => {
      for (const selection of selections) {
        const { rows, whole } = await both(page, path as (data: Rows) => Rows, type, selection);
        expect(rows).toEqual(whole);
      }
    },
  );
});

it('A page reads no other columns than it is asked for, also through fragments', async () => {
  service.statements.length = 0;
  await service.query(
    `{ batches { edges { node { ...Shown ... on Batch { counts { total } } } } } } fragment Shown on Batch { name }`,
  );
  const [statement = ''] = service.statements.filter((text) => text.includes('from "batches"'));
  const selected = Array.from(statement.matchAll(/ as "(\w+)"/g), ([, name]) => name);
  const counts = ['total', 'pending', 'submitted', 'succeeded', 'errored', 'expired', 'cancelled'];
  expect(selected.sort()).toEqual(['id', 'createdAt', 'name', ...counts].sort());
});
