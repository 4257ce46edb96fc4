import { parse } from 'graphql';
import { expect, it } from 'vitest';
import { kindOfReader } from '../../src/http/operation-kind.ts';
import { schema } from '../../src/schema/index.ts';

const usual = {
  query: 'subscription($id: ID!, $after: Int) { batchUpdated(id: $id, after: $after) { seq } }',
  operationName: null as string | null,
  variables: { id: 'one', after: 3 } as Record<string, unknown>,
  rights: { organizationId: 'acme', apiKeyId: 'one', access: 'read' as const, grant: null as unknown },
  sandbox: true,
  origin: 'http://localhost',
};

function kind(differing: Partial<typeof usual> = {}): string {
  const { query, operationName, variables, rights, sandbox, origin } = { ...usual, ...differing };
  return kindOfReader({
    schema,
    document: parse(query),
    operationName,
    variableValues: variables,
    contextValue: { scope: { kind: 'organization', ...rights }, sandbox, origin },
  });
}

it('readers are of one kind whatever key they have, wherever they begin, and in whatever order they name their variables', () => {
  for (const same of [
    { rights: { ...usual.rights, apiKeyId: 'two' } },
    { variables: { id: 'one' } },
    { variables: { after: 4, id: 'one' } },
  ])
    expect(kind(same)).toBe(kind());
});

it.each([
  ['organization', { rights: { ...usual.rights, organizationId: 'globex' } }],
  ['token', { rights: { ...usual.rights, grant: { batchIds: ['one'] } } }],
  ['access', { rights: { ...usual.rights, access: 'admin' as never } }],
  ['sandbox', { sandbox: false }],
  ['origin', { origin: 'https://example.com' }],
  ['variables', { variables: { id: 'two', after: 3 } }],
  ['nested variables', { variables: { id: 'one', filter: { status: ['COMPLETED'] } } }],
  ['document', { query: usual.query.replace('seq', 'fromSeq') }],
  ['operation', { operationName: 'Other' }],
])('readers that differ in their %s are of different kinds', (_what, differing) => {
  expect(kind(differing)).not.toBe(kind());
});

it('a place to begin that the document uses for something else, too, tells kinds apart', () => {
  const query = `subscription($id: ID!, $after: Int) { batchUpdated(id: $id, after: $after) {
    batch { jobs(first: $after) { totalCount } } } }`;
  expect(kind({ query, variables: { id: 'one', after: 3 } })).not.toBe(
    kind({ query, variables: { id: 'one', after: 4 } }),
  );
});
