/** The settings of what an organization may have for which nothing else is set; a part of `variables.ts`. */
import { serviceNames, wholeNumber } from './kinds.ts';

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
