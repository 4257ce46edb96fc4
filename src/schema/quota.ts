/** What an organization may have, as types: its quotas, and the error of who would go beyond one. */
import { breachMessage, type QuotaBreach, quotaNames } from '../domain/quota.ts';
import { QuotaExceededError } from '../errors.ts';
import type { QuotaModel } from '../resolvers/quotas.ts';
import { builder } from './builder.ts';
import { described } from './enums.ts';
import { ErrorInterface } from './errors.ts';

const QuotaNameType = builder.enumType('QuotaName', {
  description: 'What an organization may have only so much of.',
  values: described(quotaNames, {
    REQUESTS_PER_BATCH: 'The requests of one batch.',
    BYTES_PER_UPLOAD: 'The requests of one call or upload, in bytes.',
    ACTIVE_BATCHES: 'Batches that are open or under way.',
    WAITING_REQUESTS: 'Requests that were accepted and not sent yet, at one provider.',
    PROVIDERS: 'The providers that may be used.',
  }),
});

const limitMeaning = 'The most there may be; 0 of a provider that is not allowed.';
const currentMeaning = 'How much there is already.';
const requestedMeaning = 'How much the call would have added.';
const providerMeaning = 'The provider that it is about; null where it is about none.';

/** One quota, with how much of it is used. */
export const QuotaType = builder.objectRef<QuotaModel>('Quota').implement({
  description: 'One thing that your organization may have so much of.',
  fields: (t) => ({
    which: t.field({
      type: QuotaNameType,
      description: 'What is limited.',
      resolve: ({ which }) => which,
    }),
    limit: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'The most there may be; null where there is no limit.',
      resolve: ({ limit }) => limit,
    }),
    current: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'How much there is now; null for what each batch or upload is measured by on its own.',
      resolve: ({ current }) => current,
    }),
    provider: t.exposeString('provider', {
      nullable: true,
      description: providerMeaning,
    }),
  }),
});

/** The error. */
builder.objectType(QuotaExceededError, {
  name: 'QuotaExceeded',
  description: 'More than your organization may have. Nothing was stored or sent.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    which: t.field({
      type: QuotaNameType,
      description: 'Which quota stands against it.',
      resolve: ({ quota }) => quota,
    }),
    limit: t.field({ type: 'BigInt', description: limitMeaning, resolve: ({ limit }) => limit }),
    current: t.field({ type: 'BigInt', description: currentMeaning, resolve: ({ current }) => current }),
    requested: t.field({
      type: 'BigInt',
      description: requestedMeaning,
      resolve: ({ requested }) => requested,
    }),
    quotaProvider: t.exposeString('provider', { nullable: true, description: providerMeaning }),
  }),
});

/** The same, as a dry run lists it. */
export const QuotaBreachType = builder.objectRef<QuotaBreach>('QuotaBreach').implement({
  description: 'A quota that a call would go beyond.',
  fields: (t) => ({
    which: t.field({ type: QuotaNameType, description: 'Which quota it is.', resolve: ({ quota }) => quota }),
    limit: t.field({ type: 'BigInt', description: limitMeaning, resolve: ({ limit }) => limit }),
    current: t.field({ type: 'BigInt', description: currentMeaning, resolve: ({ current }) => current }),
    requested: t.field({
      type: 'BigInt',
      description: requestedMeaning,
      resolve: ({ requested }) => requested,
    }),
    provider: t.exposeString('provider', { nullable: true, description: providerMeaning }),
    message: t.string({ description: 'The same for people.', resolve: breachMessage }),
  }),
});
