/** The settings of how much there may be: of an organization, and at a provider at once; a part of `variables.ts`. */
import type { Provider } from '../providers/provider.ts';
import { amountByModel, serviceNames, wholeNumber } from './kinds.ts';

/** How much an organization may have. */
export const quotaVariables = {
  quotaRequestsPerBatch: {
    name: 'QUOTA_REQUESTS_PER_BATCH',
    kind: wholeNumber(0, 2_147_483_647),
    default: 10_000_000,
    meaning: 'How many requests a batch may have, unless its organization has other [quotas](limits.md).',
  },
  quotaBytesPerUpload: {
    name: 'QUOTA_BYTES_PER_UPLOAD',
    kind: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    default: 20 * 1024 ** 3,
    meaning: 'How many bytes the requests of one call or upload may have, likewise.',
  },
  quotaActiveBatches: {
    name: 'QUOTA_ACTIVE_BATCHES',
    kind: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    default: null,
    meaning: 'How many batches an organization may have open or under way; without it, any number.',
  },
  quotaWaitingRequests: {
    name: 'QUOTA_WAITING_REQUESTS',
    kind: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    default: null,
    meaning:
      'How many requests of an organization may wait to be sent to one provider; without it, any number.',
  },
  quotaProviders: {
    name: 'QUOTA_PROVIDERS',
    kind: serviceNames,
    default: null,
    meaning: 'The providers that organizations may use; without it, all.',
  },
} as const;

const counted = {
  REQUESTS: 'requests that are not done yet',
  TOKENS: 'tokens, at four bytes each, of jobs that are not done yet',
  JOBS: 'jobs',
} as const;

/** The settings of the room that a provider has, each by its limit. Raise one when the provider raises your account's. */
export const queueVariables = ({ title, limits }: Pick<Provider, 'title' | 'limits'>) =>
  limits.queue.map(({ unit, per, max, setting }) => ({
    name: setting,
    kind: amountByModel,
    default: max === null ? null : { '*': max },
    meaning: `How many ${counted[unit]} ${title} takes at once with one key${per === 'MODEL' ? ', for each model' : ''}; further jobs wait. ${max === null ? 'Without it, any number.' : `Where nothing is said, ${max.toLocaleString('en')}.`}`,
  }));
