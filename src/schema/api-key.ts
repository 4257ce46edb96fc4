import { type ApiKeyModel, keyMaker } from '../resolvers/api-keys.ts';
import { builder } from './builder.ts';
import { AccessScopeType } from './enums.ts';

/** A key, as those may see it who share its organization. */
export const ApiKeyRef = builder.objectRef<ApiKeyModel>('ApiKey');

ApiKeyRef.implement({
  description: 'A key that signs in. The key itself is shown once, when it is made, and never again.',
  fields: (t) => ({
    id: t.field({ type: 'UUID', description: 'Its plain id.', resolve: ({ id }) => id }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    prefix: t.exposeString('prefix', {
      nullable: true,
      description: 'Its first characters, to tell keys apart; null for a key that was not made here.',
    }),
    scope: t.field({
      type: AccessScopeType,
      description: 'What it allows.',
      resolve: ({ access }) => access,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was made.',
      resolve: ({ createdAt }) => createdAt,
    }),
    createdBy: t.field({
      type: ApiKeyRef,
      nullable: true,
      description: 'The key that made it; null where the command line or a setting did.',
      resolve: (apiKey, _args, context) => keyMaker(apiKey, context),
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when it signs in; null where it has no such end.',
      resolve: ({ expiresAt }) => expiresAt,
    }),
    revokedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was taken back; null where it was not.',
      resolve: ({ revokedAt }) => revokedAt,
    }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it signed in last, to within a minute; null where it never has.',
      resolve: ({ lastUsedAt }) => lastUsedAt,
    }),
  }),
});

/** A connection of keys. */
export const ApiKeyConnection = builder.connectionObject(
  { type: ApiKeyRef, name: 'ApiKeyConnection', description: 'A page of keys.' },
  { name: 'ApiKeyEdge', description: 'A key and its place in the list.' },
);
