/**
 * Asks a provider how a job is doing and writes the answer; passes on a wish to cancel. A failed call changes
 * nothing but the time of the next one. Owns when what is asked; copying results is `collect-job.ts`.
 */
import type { JobPatch } from '../db/queries/jobs.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { isFinalJob } from '../domain/status.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { JobReport, Provider, ProviderClient } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { changeHeldJob, type HeldJobChange, tryAgainLater } from './held-job.ts';
import { patchFromReport, providerJobOf } from './job-report.ts';
import { lostJobCode } from './missing-outcome.ts';
import { notYetOver, type Owner, whoseBatch } from './whose-batch.ts';

/** Polls the held job once. Throws only what is neither the provider's nor a lost lease. */
export async function pollJob(
  services: Services,
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  signal: AbortSignal,
): Promise<void> {
  try {
    const report = await ask(provider, client, job, signal);
    if (report.status === null && report.providerStatus !== job.providerStatus) {
      services.log.warn(
        { jobId: job.id, provider: job.provider },
        'the provider uses a status word that is not known',
      );
    }
    const owner = await ownerOf(services, { provider, client }, job, report, signal);
    await write(services, job, (current, now) => {
      const change =
        owner === 'anothers' ? lettingGo(current, now) : told(services, current, report, owner, now);
      // Every sync that was asked for before this poll began has its answer; one that failed is none.
      return { ...change, set: { ...change.set, syncServed: job.syncRequested } };
    });
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    await write(services, job, (current, now) => afterFailure(services, current, error, now));
  }
}

function ask(
  provider: Provider,
  client: ProviderClient,
  job: JobRow,
  signal: AbortSignal,
): Promise<JobReport> {
  // What merely fits may be somebody else's, and is not ours to stop.
  const wantsCancel = job.cancelRequestedAt !== null && job.status !== 'CANCELLING' && !isProvisional(job);
  const known = providerJobOf(job);
  return wantsCancel && provider.capabilities.cancel
    ? client.cancel(known, signal)
    : client.retrieve(known, signal);
}

/** Whether the job was adopted by circumstances alone, and nothing has proven it since. */
const isProvisional = (job: JobRow): boolean => job.evidence?.['proof'] === 'PROVISIONAL';

/** Whose the batch is, before any of its results is taken. */
async function ownerOf(
  services: Services,
  reached: { provider: Provider; client: ProviderClient },
  job: JobRow,
  report: JobReport,
  signal: AbortSignal,
): Promise<Owner> {
  if (!isProvisional(job)) return 'ours';
  const owner = await whoseBatch(reached, job, report, { seconds: services.settings.callSeconds, signal });
  if (owner === 'unreadable') {
    services.log.warn({ jobId: job.id }, 'an adopted job has no readable result that could prove it');
  }
  return owner;
}

/** What the provider told, written down. The end of a batch that nothing has proven yet is not taken for the job's. */
function told(
  services: Services,
  current: JobRow,
  report: JobReport,
  owner: Owner,
  now: Date,
): HeldJobChange {
  const isProven = owner === 'ours' && isProvisional(current);
  const taken = owner === 'not-yet-known' ? notYetOver(report) : report;
  return {
    event: 'JOB_POLLED',
    set: {
      ...patchFromReport(services, current, taken, { now, random: Math.random() }),
      ...(isProven ? { evidence: { ...current.evidence, proof: 'PROVEN' } } : {}),
    },
  };
}

/** How many times in a row a provider may say that it does not know a job that it had confirmed. */
const unknownTimesMax = 20;

/** A failed call is made again; one that ends in "there is no such job" again and again ends the job. */
function afterFailure(
  services: Services,
  current: JobRow,
  failure: ProviderFailure,
  now: Date,
): HeldJobChange {
  const later = tryAgainLater(current, failure, now);
  const isUnknown = failure.kind === 'rejected' && failure.status === 404;
  const credential = services.providers.find(current.provider)?.credential;
  if (!isUnknown || current.failures + 1 < unknownTimesMax || credential !== current.credential) return later;
  return {
    ...later,
    event: 'JOB_FAILED',
    set: { ...later.set, status: 'FAILED', failedAt: now, dueAt: now, errorCode: lostJobCode },
  };
}

/** Lets go of another's batch and of all that it told; the search goes on without it. */
function lettingGo(current: JobRow, now: Date): HeldJobChange {
  const { proof: _, found: __, notOurs, ...evidence } = current.evidence ?? {};
  return {
    event: 'JOB_UNKNOWN',
    set: {
      ...untold,
      status: 'UNKNOWN',
      dueAt: now,
      leaseUntil: null,
      evidence: { ...evidence, notOurs: [...(Array.isArray(notOurs) ? notOurs : []), current.providerJobId] },
    },
  };
}

/** What a job knows only from its provider, forgotten. */
const untold = {
  providerJobId: null,
  providerStatus: null,
  raw: null,
  finalizing: false,
  providerTotal: null,
  providerSucceeded: null,
  providerErrored: null,
  providerExpired: null,
  providerCancelled: null,
  inputFileId: null,
  outputFileId: null,
  errorFileId: null,
  submittedAt: null,
  inProgressAt: null,
  finalizingAt: null,
  cancellingAt: null,
  expiresAt: null,
  resultsExpireAt: null,
} as const satisfies JobPatch;

/** Writes onto the job as it now is. A sync or a wish to cancel that came while it ran needs another poll at once. */
async function write(
  services: Services,
  job: JobRow,
  decide: (current: JobRow, now: Date) => HeldJobChange,
): Promise<void> {
  await changeHeldJob(services, job, (current, { now }) => {
    if (isFinalJob(current.status)) return null;
    const change = decide(current, now);
    const isWanted =
      current.syncRequested > job.syncRequested ||
      (current.cancelRequestedAt !== null && job.cancelRequestedAt === null);
    return isWanted ? { ...change, set: { ...change.set, dueAt: now } } : change;
  });
}
