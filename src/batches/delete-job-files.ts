/**
 * Has a provider delete what it keeps of a job, once every result of it is here. Dying in the middle loses nothing: what
 * is gone already counts as deleted the next time. A provider that refuses is not asked for ever, and the job says so.
 */
import type { JobRow } from '../db/tables/jobs.ts';
import { afterFailedDeletion } from '../domain/provider-files.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { KeptJob, Provider, ProviderClient } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { changeHeldJob, tryAgainLater } from './held-job.ts';
import type { GivenUp } from './missing-outcome.ts';
import { storableText } from './storable-text.ts';

/** Deletes the held job's files. Throws only what is neither the provider's nor a lost lease. */
export async function deleteJobFiles(
  services: Services,
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  signal: AbortSignal,
): Promise<void> {
  if (client.deleteFiles === null) return giveUpDeletion(services, job, noDeletion(provider));
  try {
    await client.deleteFiles(keptOf(job), signal);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    return failed(services, job, error);
  }
  await changeHeldJob(services, job, (_current, { now }) => ({
    event: 'PROVIDER_FILES_DELETED',
    set: {
      providerFiles: 'DELETED',
      providerFilesDeletedAt: now,
      providerFilesError: null,
      // There is no copy any more that could expire.
      resultsExpireAt: null,
      failures: 0,
      dueAt: null,
      leaseUntil: null,
    },
  }));
}

/** Gives up deleting the held job's files, and says why; a caller can ask again. */
export async function giveUpDeletion(services: Services, job: JobRow, reason: GivenUp): Promise<void> {
  await changeHeldJob(services, job, () => ({
    event: null,
    set: {
      providerFiles: 'FAILED',
      providerFilesError: { ...reason },
      failures: 0,
      dueAt: null,
      leaseUntil: null,
    },
  }));
}

async function failed(services: Services, job: JobRow, failure: ProviderFailure): Promise<void> {
  const reason = { code: storableText(failure.code), message: storableText(failure.message) };
  const mayPass = passing.some((kind) => kind === failure.kind);
  if (afterFailedDeletion({ mayPass, failures: job.failures + 1 }) === 'FAILED') {
    return giveUpDeletion(services, job, reason);
  }
  await changeHeldJob(services, job, (current, { now }) => {
    const { failures, dueAt = now, leaseUntil = null } = tryAgainLater(current, failure, now).set;
    // What the job itself came to stays what its error tells.
    return {
      event: null,
      set: { ...(failures === undefined ? {} : { failures }), dueAt, leaseUntil, providerFilesError: reason },
    };
  });
}

const passing = ['throttled', 'unavailable', 'uncertain'] as const;

const keptOf = ({ providerJobId, checkpoint, inputFileId, outputFileId, errorFileId }: JobRow): KeptJob => ({
  providerJobId,
  checkpoint,
  inputFileId,
  outputFileId,
  errorFileId,
});

const noDeletion = ({ title }: Provider): GivenUp => ({
  code: 'no_deletion',
  message: `${title} deletes nothing at anybody's asking.`,
});
