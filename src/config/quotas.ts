/** Reads how much there may be: of an organization, and at a provider at once. */
import type { Quotas } from '../domain/quota.ts';
import type { Provider } from '../providers/provider.ts';
import type { WorkSettings } from '../services.ts';
import { queueVariables, quotaVariables } from './quota-variables.ts';
import type { Reading } from './reading.ts';

/** What an organization may have for which nothing else is set. */
export const readQuotas = (reading: Reading): Quotas => ({
  requestsPerBatch: reading.read(quotaVariables.quotaRequestsPerBatch),
  bytesPerUpload: reading.read(quotaVariables.quotaBytesPerUpload),
  activeBatches: reading.read(quotaVariables.quotaActiveBatches),
  waitingRequests: reading.read(quotaVariables.quotaWaitingRequests),
  providers: reading.read(quotaVariables.quotaProviders),
});

/** What may be at each provider at once, where the settings say it. */
export const readQueues = (reading: Reading, providers: readonly Provider[]): WorkSettings['queues'] =>
  Object.fromEntries(
    providers.flatMap((provider) =>
      queueVariables(provider).flatMap((variable) => {
        const most = reading.read({ ...variable, default: null });
        return most === null ? [] : [[variable.name, most]];
      }),
    ),
  );
