/** Read tokens: the right to read some batches for a while, for those who must not have a key. */
import { NotFoundError, ValidationError } from '../errors.ts';
import { createReadToken, type ReadTokenModel, readableBatches } from '../resolvers/read-tokens.ts';
import { builder } from './builder.ts';
import { resultOf } from './mutation-result.ts';

/** A token that is in use, or was made just now. */
export const ReadTokenRef = builder.objectRef<ReadTokenModel>('ReadToken').implement({
  description:
    'A right to read batches for a while: queries, subscriptions and downloads of them, and nothing else. The token itself is shown once, when it is made.',
  fields: (t) => ({
    batchIds: t.idList({
      nullable: true,
      description: 'The global ids of the batches that it opens; null for all of the organization.',
      resolve: (token) => readableBatches(token),
    }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'Until when it signs in, unless the key that made it ends before.',
      resolve: ({ expiresAt }) => expiresAt,
    }),
  }),
});

const ReadableBatchesInput = builder.inputType('ReadableBatches', {
  description: 'Which batches may be read: exactly one of two things.',
  isOneOf: true,
  fields: (t) => ({
    ids: t.idList({ description: 'These, at most 100: global ids or plain UUIDs.' }),
    all: t.boolean({
      description: 'True: all of your organization, those to come included.',
    }),
  }),
});

const CreateReadTokenInput = builder.inputType('CreateReadTokenInput', {
  description: 'A token to hand to a web page, which can read with it and do nothing else.',
  fields: (t) => ({
    batches: t.field({ type: ReadableBatchesInput, required: true, description: 'What it opens.' }),
    expiresInSeconds: t.int({
      description: 'How long it lasts, at most 86400 (a day); an hour where this is left out.',
    }),
  }),
});

builder.mutationField('createReadToken', (t) =>
  t.field({
    type: builder.objectRef<Awaited<ReturnType<typeof createReadToken>>>('CreateReadTokenPayload').implement({
      description: 'There is a new token.',
      fields: (p) => ({
        token: p.exposeString('token', {
          description:
            'The token itself: it stands where a key would. It is shown here and never again, and cannot be taken back but with its key.',
        }),
        readToken: p.field({
          type: ReadTokenRef,
          description: 'What it opens, and until when.',
          resolve: (made) => made,
        }),
      }),
    }),
    description:
      'Makes a token that reads batches for a while, so that your key need not be in a web page. Any key may make one; it ends with the key.',
    args: {
      input: t.arg({ type: CreateReadTokenInput, required: true, description: 'What it is to open.' }),
    },
    skipTypeScopes: true,
    authScopes: { key: true },
    errors: resultOf('CreateReadToken', [ValidationError, NotFoundError]),
    resolve: (_root, args, context) => createReadToken(args, context),
  }),
);
