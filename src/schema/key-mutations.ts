/** The mutations of an organization's keys, and what they take and answer. */
import { NotFoundError, ValidationError } from '../errors.ts';
import { createApiKey, revokeApiKey } from '../resolvers/api-keys.ts';
import { ApiKeyRef } from './api-key.ts';
import { builder } from './builder.ts';
import { AccessScopeType } from './enums.ts';
import { resultOf } from './mutation-result.ts';

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  description: 'A new key of your organization.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What to call it, up to 128 characters.' }),
    scope: t.field({ type: AccessScopeType, required: true, description: 'What it allows.' }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'Until when it signs in; it does until it is revoked where this is left out.',
    }),
  }),
});

const RevokeApiKeyInput = builder.inputType('RevokeApiKeyInput', {
  description: 'The key to take back.',
  fields: (t) => ({
    apiKeyId: t.field({ type: 'UUID', required: true, description: 'Its id, as ApiKey.id has it.' }),
  }),
});

builder.mutationFields((t) => ({
  createApiKey: t.field({
    type: builder.objectRef<Awaited<ReturnType<typeof createApiKey>>>('CreateApiKeyPayload').implement({
      description: 'There is a new key.',
      fields: (p) => ({
        key: p.exposeString('key', {
          description: 'The key itself. It is shown here and never again: keep it as a password.',
        }),
        apiKey: p.field({
          type: ApiKeyRef,
          description: 'What can be seen of it from now on.',
          resolve: ({ apiKey }) => apiKey,
        }),
      }),
    }),
    description: 'Makes a key of your organization; needs a key with the scope ADMIN.',
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The new key.' }) },
    authScopes: { admin: true },
    errors: resultOf('CreateApiKey', [ValidationError]),
    resolve: (_root, args, context) => createApiKey(args, context),
  }),
  revokeApiKey: t.field({
    type: builder.objectRef<Awaited<ReturnType<typeof revokeApiKey>>>('RevokeApiKeyPayload').implement({
      description: 'The key signs nobody in any more.',
      fields: (p) => ({
        apiKey: p.field({
          type: ApiKeyRef,
          description: 'The key as it is now.',
          resolve: ({ apiKey }) => apiKey,
        }),
      }),
    }),
    description:
      'Takes a key of your organization back: what it has open ends within seconds. Safe to call again; needs a key with the scope ADMIN, which may be the same.',
    args: {
      input: t.arg({ type: RevokeApiKeyInput, required: true, description: 'Which key to take back.' }),
    },
    authScopes: { admin: true },
    errors: resultOf('RevokeApiKey', [ValidationError, NotFoundError]),
    resolve: (_root, args, context) => revokeApiKey(args, context),
  }),
}));
