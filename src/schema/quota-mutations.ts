/** The mutation by which an organization holds itself to less. */
import { ValidationError } from '../errors.ts';
import { setQuotas } from '../resolvers/quotas.ts';
import { builder } from './builder.ts';
import { resultOf } from './mutation-result.ts';
import { OrganizationType } from './viewer.ts';

const SetQuotasInput = builder.inputType('SetQuotasInput', {
  description:
    'What your organization holds itself to. What is left out stays; null takes your own limit away. Nothing here allows more than the operator of the service does.',
  fields: (t) => ({
    requestsPerBatch: t.field({ type: 'BigInt', description: 'How many requests a batch may have.' }),
    bytesPerUpload: t.field({
      type: 'BigInt',
      description: 'How many bytes the requests of one call or upload may have.',
    }),
    activeBatches: t.field({
      type: 'BigInt',
      description: 'How many batches may be open or under way at once.',
    }),
    waitingRequests: t.field({
      type: 'BigInt',
      description: 'How many requests may wait to be sent to one provider.',
    }),
    providers: t.stringList({ description: 'The names of the providers that may be used.' }),
  }),
});

builder.mutationField('setQuotas', (t) =>
  t.field({
    type: builder.objectRef<Awaited<ReturnType<typeof setQuotas>>>('SetQuotasPayload').implement({
      description: 'The quotas are set.',
      fields: (p) => ({
        organization: p.field({
          type: OrganizationType,
          description: 'Your organization, with what holds now.',
          resolve: (viewer) => viewer,
        }),
      }),
    }),
    description:
      'Holds your organization to less than its operator allows; what is there already stays. Needs a key with the scope ADMIN.',
    args: { input: t.arg({ type: SetQuotasInput, required: true, description: 'What to hold it to.' }) },
    authScopes: { admin: true },
    errors: resultOf('SetQuotas', [ValidationError]),
    resolve: (_root, args, context) => setQuotas(args, context),
  }),
);
