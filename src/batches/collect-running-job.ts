/**
 * Copies what is there of a job that still runs, so that its items finish one by one. Nothing is settled by it: what
 * is not there yet is polled for, and the end of the job reads everything that this has not seen.
 */
import type { JobPatch } from '../db/queries/jobs.ts';
import { countJobResults } from '../db/queries/results.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { nextPollAt } from '../domain/polling.ts';
import { workerScope } from '../domain/scope.ts';
import { isFinalJob } from '../domain/status.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { Provider, ProviderClient } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { copyLines } from './copy-lines.ts';
import { changeHeldJob, type HeldJobChange, tryAgainLater } from './held-job.ts';
import { doneIn, patchFromReport, providerJobOf } from './job-report.ts';

/** Copies for the held job, which is RUNNING or CANCELLING. Throws only what is neither the provider's nor a lost lease. */
export async function collectRunningJob(
  services: Services,
  reached: { provider: Provider; client: ProviderClient },
  job: JobRow,
  signal: AbortSignal,
): Promise<void> {
  try {
    const report = await reached.client.retrieve(providerJobOf(job), signal);
    if (report.resultsReady) await copyLines(services, reached, job, report, signal);
    const done = doneIn(report.counts);
    const copied = await services.db.read((q) => countJobResults(workerScope, q, job));
    await changeHeldJob(services, job, (current, { now }) => {
      if (isFinalJob(current.status)) return null;
      return {
        event: 'JOB_POLLED',
        set: {
          ...patchFromReport(services, current, report, { now, random: Math.random() }),
          resultsWaiting: false,
          // What finished may stand before what was read: then everything is read once more.
          ...(done !== null && copied < done ? { cursor: null } : {}),
          ...wantedAtOnce(current, now),
        },
      };
    });
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    await changeHeldJob(services, job, (current, { now }) =>
      isFinalJob(current.status) ? null : notCopied(services, current, error, now),
    );
  }
}

/**
 * The next poll finds the results again, at its own pace: the answer that told of them has ended any row of failures,
 * so that pauses would never grow.
 */
function notCopied(
  { settings }: Pick<Services, 'settings'>,
  current: JobRow,
  failure: ProviderFailure,
  now: Date,
): HeldJobChange {
  const { set, ...later } = tryAgainLater(current, failure, now);
  const submittedAt = current.submittedAt ?? now;
  const dueAt = nextPollAt(settings.poll, {
    submittedAt,
    now,
    retryAt: set.dueAt ?? null,
    random: Math.random(),
  });
  return { ...later, set: { ...set, dueAt, resultsWaiting: false, ...wantedAtOnce(current, now) } };
}

/** A sync or a wish to cancel that came since the provider was asked last waits for no schedule. */
function wantedAtOnce(current: JobRow, now: Date): JobPatch {
  const { cancelRequestedAt, lastSyncedAt } = current;
  const wantsCancel =
    cancelRequestedAt !== null && (lastSyncedAt === null || cancelRequestedAt > lastSyncedAt);
  return wantsCancel || current.syncRequested > current.syncServed ? { dueAt: now } : {};
}
