/** The mutations of an organization's own credentials, and what they take and answer. */
import { CredentialsNotKeptError, NotFoundError, ValidationError } from '../errors.ts';
import { addCredential, revokeCredential } from '../resolvers/credentials.ts';
import { builder } from './builder.ts';
import { CredentialRef } from './credential.ts';
import { resultOf } from './mutation-result.ts';

const CredentialSettingInput = builder.inputType('CredentialSettingInput', {
  description: 'A further setting of a credential, as Provider.credentialSettings lists them.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'Which setting: `webhookSecret`.' }),
    value: t.string({ required: true, description: 'What it is. It is encrypted, and never shown.' }),
  }),
});

const AddCredentialInput = builder.inputType('AddCredentialInput', {
  description: "A provider's credential to bring.",
  fields: (t) => ({
    provider: t.string({ required: true, description: 'The provider that it is for: `openai`.' }),
    name: t.string({ required: true, description: 'What to call it, up to 128 characters.' }),
    apiKey: t.string({
      required: true,
      description:
        "The provider's key; for Bedrock, the role that it takes. It is encrypted before it is stored, and never shown.",
    }),
    settings: t.field({
      type: [CredentialSettingInput],
      description: 'What the provider needs beside the key; most need nothing.',
    }),
    replaces: t.field({
      type: 'UUID',
      description:
        'A credential of the same account whose place it takes, such as a key that was renewed: that one is revoked, and batches that are pinned to it go on with this one.',
    }),
  }),
});

const RevokeCredentialInput = builder.inputType('RevokeCredentialInput', {
  description: 'The credential to take out of use.',
  fields: (t) => ({
    credentialId: t.field({ type: 'UUID', required: true, description: 'Its id, as Credential.id has it.' }),
    immediately: t.boolean({
      description:
        'True: its secret is forgotten at once, and jobs that run with it are not asked about any more. Else they are followed with it to their end.',
    }),
  }),
});

const changedPayload = (name: string, description: string) =>
  builder.objectRef<Awaited<ReturnType<typeof addCredential>>>(name).implement({
    description,
    fields: (p) => ({
      credential: p.field({
        type: CredentialRef,
        description: 'The credential as it is now.',
        resolve: ({ credential }) => credential,
      }),
    }),
  });

builder.mutationFields((t) => ({
  addCredential: t.field({
    type: changedPayload('AddCredentialPayload', 'The credential is kept; new batches use it.'),
    description:
      "Brings a provider's credential of your organization's own: from now on its new batches for that provider are sent with it, and its account pays. Needs a key with the scope ADMIN.",
    args: {
      input: t.arg({
        type: AddCredentialInput,
        required: true,
        description: 'What to bring, and what to call it.',
      }),
    },
    authScopes: { admin: true },
    errors: resultOf('AddCredential', [ValidationError, NotFoundError, CredentialsNotKeptError]),
    resolve: (_root, args, context) => addCredential(args, context),
  }),
  revokeCredential: t.field({
    type: changedPayload('RevokeCredentialPayload', 'Nothing new is sent with the credential.'),
    description:
      "Takes one of your organization's own credentials out of use. Safe to call again; needs a key with the scope ADMIN.",
    args: {
      input: t.arg({
        type: RevokeCredentialInput,
        required: true,
        description: 'Which credential, and how.',
      }),
    },
    authScopes: { admin: true },
    errors: resultOf('RevokeCredential', [ValidationError, NotFoundError]),
    resolve: (_root, args, context) => revokeCredential(args, context),
  }),
}));
