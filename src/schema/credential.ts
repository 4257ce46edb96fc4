import { apiKeyOf } from '../resolvers/api-keys.ts';
import { type CredentialModel, credentialOf, statusOf, webhookUrl } from '../resolvers/credentials.ts';
import { ApiKeyRef } from './api-key.ts';
import { builder } from './builder.ts';
import { CredentialStatusType } from './enums.ts';
import { BatchRef } from './nodes.ts';

/** A credential, as those may see it who share its organization. */
export const CredentialRef = builder.objectRef<CredentialModel>('Credential');

CredentialRef.implement({
  description:
    "A provider's credential that your organization has brought: its batches are sent with it, and its account pays. Its secret is never shown.",
  fields: (t) => ({
    id: t.field({ type: 'UUID', description: 'Its plain id.', resolve: ({ id }) => id }),
    provider: t.exposeString('provider', { description: 'The provider that it is for.' }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    lastFour: t.exposeString('lastFour', {
      nullable: true,
      description: 'The last characters of its key, to tell keys apart; null for a short one.',
    }),
    settings: t.stringList({
      description: 'The names of the further settings that it has: `webhookSecret`. Never what they are.',
      resolve: ({ settings }) => settings,
    }),
    sandbox: t.exposeBoolean('sandbox', {
      description: 'Whether it was added to a sandbox: then it reaches emulators and nothing else.',
    }),
    status: t.field({
      type: CredentialStatusType,
      description: 'What it is doing.',
      resolve: (credential) => statusOf(credential),
    }),
    failingSince: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when its provider refuses it; null where it does not.',
      resolve: ({ failingSince }) => failingSince,
    }),
    failure: t.exposeString('failure', {
      nullable: true,
      description: "How its provider refuses it, in the provider's words; null where it does not.",
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was added.',
      resolve: ({ createdAt }) => createdAt,
    }),
    createdBy: t.field({
      type: ApiKeyRef,
      nullable: true,
      description: 'The key that added it; null where the command line did.',
      resolve: ({ createdBy }, _args, context) => apiKeyOf(createdBy, context),
    }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When its provider took it last, to within a minute; null where it never has.',
      resolve: ({ lastUsedAt }) => lastUsedAt,
    }),
    revokedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null where it was not.',
      resolve: ({ revokedAt }) => revokedAt,
    }),
    replacedBy: t.field({
      type: CredentialRef,
      nullable: true,
      description: 'The credential that has taken its place; null for none.',
      resolve: ({ replacedBy }, _args, context) => credentialOf(replacedBy, context),
    }),
    webhookUrl: t.field({
      type: 'URL',
      nullable: true,
      description:
        'Where to tell its account to call, so that news come at once; null where the provider is told with each job or calls nobody, and where PUBLIC_URL is not set. Only for keys with the scope ADMIN.',
      authScopes: { admin: true },
      resolve: (credential, _args, context) => webhookUrl(credential, context),
    }),
  }),
});

/** A connection of credentials. */
export const CredentialConnection = builder.connectionObject(
  { type: CredentialRef, name: 'CredentialConnection', description: 'A page of credentials.' },
  { name: 'CredentialEdge', description: 'A credential and its place in the list.' },
);

builder.objectField(BatchRef, 'credential', (t) =>
  t.field({
    type: CredentialRef,
    nullable: true,
    description:
      "Your organization's own credential that its jobs are sent with; null where they are sent with the service's. For keys, not for read tokens.",
    authScopes: { key: true },
    resolve: (batch, _args, context) => credentialOf(batch.credentialId, context),
  }),
);
