/**
 * `deleteProviderFiles`: has the provider of a batch that is over delete what it keeps of it. Owns whether that can be
 * asked for; a worker does it, job by job (`delete-job-files.ts`). What is here stays.
 */
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { deletionRefusal } from '../domain/provider-files.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { BatchStateError, ValidationError } from '../errors.ts';
import type { Services } from '../services.ts';
import { transition } from './transition.ts';

/**
 * The batch, of which everything is to be deleted that its provider keeps; what was deleted already stays so. Throws
 * `NotFoundError`, `BatchStateError` before its end, and `ValidationError` where its provider deletes nothing.
 */
export async function deleteProviderFiles(
  services: Services,
  scope: OrganizationScope,
  batchId: string,
): Promise<BatchRow> {
  return services.db.transaction((tx) =>
    transition(services, scope, tx, batchId, ({ batch, jobs, now }) => {
      const refusal = deletionRefusal(batch.status);
      if (refusal !== null) throw new BatchStateError(batch.status, refusal);
      const provider = services.providers.find(batch.provider)?.provider;
      if (provider?.capabilities.deletion !== true) {
        const message = `${provider?.title ?? batch.provider} deletes nothing at anybody's asking.`;
        throw new ValidationError([{ path: ['input', 'batchId'], line: null, message }]);
      }
      const kept = jobs.filter(isLeft);
      if (kept.length === 0) return null;
      const set = { providerFiles: 'DELETING', providerFilesError: null, failures: 0 } as const;
      return {
        event: 'BATCH_UPDATED',
        data: { deleteProviderFiles: kept.length },
        batch: { deleteProviderFiles: true },
        jobs: kept.map((job) => ({ job, set: { ...set, ...(job.collected ? { dueAt: now } : {}) } })),
      };
    }),
  );
}

/** Also what was to be deleted and was collected by a process of an earlier version, which knows nothing of it. */
const isLeft = ({ providerFiles, collected, dueAt }: JobRow): boolean =>
  providerFiles === 'KEPT' ||
  providerFiles === 'FAILED' ||
  (providerFiles === 'DELETING' && collected && dueAt === null);
