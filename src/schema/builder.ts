/** The schema builder: its plugins, scalars' types and the context. Types register on it by being imported. */
import SchemaBuilder from '@pothos/core';
import ErrorsPlugin from '@pothos/plugin-errors';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin, { type AuthFailure } from '@pothos/plugin-scope-auth';
import type { Context } from '../context.ts';
import type { JsonValue } from '../domain/json-line.ts';
import { type AccessScope, allows } from '../domain/scope.ts';
import { ForbiddenError } from '../errors.ts';
import { globalId, readGlobalId } from '../resolvers/arguments.ts';
import AuditPlugin from './audit-plugin.ts';

/** The scope that a key lacks, as far as the plugin tells it. */
const missingScope = (failure: AuthFailure): string => {
  if ('scope' in failure) return failure.scope;
  const [first] = 'failures' in failure ? failure.failures : [];
  return first === undefined ? 'write' : missingScope(first);
};

/** The builder on which all types of the schema are declared. */
export const builder = new SchemaBuilder<{
  Context: Context;
  DefaultFieldNullability: false;
  /** `key`: whoever has a key, and not only a token of one. */
  AuthScopes: Record<AccessScope | 'key', boolean>;
  Scalars: {
    ID: { Input: string; Output: string | number };
    DateTime: { Input: Date; Output: Date };
    Date: { Input: string; Output: string };
    JSON: { Input: JsonValue; Output: JsonValue };
    BigInt: { Input: number; Output: number };
    Decimal: { Input: string; Output: string };
    URL: { Input: string; Output: string };
    UUID: { Input: string; Output: string };
    File: { Input: File; Output: never };
  };
  Connection: { totalCount: () => Promise<number> };
}>({
  plugins: [ErrorsPlugin, AuditPlugin, ScopeAuthPlugin, RelayPlugin],
  defaultFieldNullability: false,
  errors: { defaultTypes: [] },
  scopeAuth: {
    authScopes: ({ scope }) => ({
      read: allows(scope.access, 'read'),
      write: allows(scope.access, 'write'),
      admin: allows(scope.access, 'admin'),
      key: scope.grant === null,
    }),
    unauthorizedError: (_parent, _context, _info, { failure }) => new ForbiddenError(missingScope(failure)),
  },
  relay: {
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    encodeGlobalID: (type, id) => globalId(type as 'Batch', String(id)),
    decodeGlobalID: (id) => {
      const read = readGlobalId(id);
      return { typename: read?.type ?? '', id: read?.key ?? '' };
    },
    nodeTypeOptions: { description: 'Anything that can be loaded again by its global id.' },
    pageInfoTypeOptions: { description: 'Where a page lies in its list, and how to go on from it.' },
    cursorType: 'String',
    idFieldOptions: { description: 'Its global id.' },
    firstArgOptions: { description: 'How many to show from the start, or after `after`.' },
    afterArgOptions: { description: 'The cursor that the page begins after; goes with `first`.' },
    lastArgOptions: { description: 'How many to show from the end, or before `before`.' },
    beforeArgOptions: { description: 'The cursor that the page ends before; goes with `last`.' },
    edgesFieldOptions: { description: 'What is on the page, in the order of the list.' },
    pageInfoFieldOptions: { description: 'Where the page lies in the list.' },
    cursorFieldOptions: { description: 'Its place, to go on from: for `after` or `before`.' },
    nodeFieldOptions: { description: 'What stands at this place.' },
    hasNextPageFieldOptions: { description: 'Whether the list goes on after the page.' },
    hasPreviousPageFieldOptions: { description: 'Whether the list begins before the page.' },
    startCursorFieldOptions: { description: 'The cursor of its first edge; null on an empty page.' },
    endCursorFieldOptions: { description: 'The cursor of its last edge; null on an empty page.' },
  },
});

builder.queryType({ description: 'Everything that can be read.' });
builder.mutationType({
  description:
    'Everything that can be changed. Each answers a union: the payload, or a typed error that tells what to do.',
  authScopes: { write: true },
});
builder.subscriptionType({
  description:
    'What happens, as it happens: over WebSocket (graphql-transport-ws) or server-sent events, on the same URL.',
});
builder.globalConnectionField('totalCount', (t) =>
  t.int({
    description: 'How many there are in the whole list. Counted only when it is asked for.',
    resolve: (connection) => connection.totalCount(),
  }),
);
