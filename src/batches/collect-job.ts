/**
 * Collects a job that is over: its results are copied (`copy-lines.ts`), and every item that got none is given an outcome
 * by the job's fate. A crash resumes after the last chunk; a line read twice counts once, because what is there decides
 * what is new and the cursor only skips. Of a job that still runs, what is there is copied, and no more
 * (`collect-running-job.ts`).
 */
import { countJobResults, settleMissing } from '../db/queries/results.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { deadlineOf } from '../domain/deadline.ts';
import { workerScope } from '../domain/scope.ts';
import { isFinalJob } from '../domain/status.ts';
import { addTallies } from '../domain/tally.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { JobReport, Provider, ProviderClient } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { copyLines, incompleteCode, incompleteness } from './copy-lines.ts';
import { filesAfter } from './files-after.ts';
import { changeHeldJob, tryAgainLater } from './held-job.ts';
import { patchFromReport, providerJobOf } from './job-report.ts';
import { givenUp, type LastWord, lostJobCode, missingOutcome } from './missing-outcome.ts';
import { isHopeless } from './overdue-job.ts';
import { stalledCode } from './unless-stalled.ts';

/** Collects the held job, which is over at its provider. Throws only what is neither the provider's nor a lost lease. */
export async function collectJob(
  services: Services,
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  signal: AbortSignal,
): Promise<void> {
  let gone = false;
  let mayPass = false;
  try {
    if (job.providerJobId !== null) {
      const report = await copyResults(services, { provider, client }, job, signal);
      if (report === 'later') return;
      mayPass = report.error?.retryable ?? false;
      const failure = await incompleteness(services, job, report);
      if (failure !== null) throw failure;
    }
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    const isLost = error.status === 404 && givenUp(job)?.code === lostJobCode;
    gone = error.kind === 'expired' || isLost || isHopeless(services, job, error, services.clock.now());
    if (!gone) {
      await changeHeldJob(services, job, (current, { now }) => {
        const later = tryAgainLater(current, error, now);
        // Where a vendor knows no ranges, getting to the cursor is itself a long silence; from the start there is none.
        const isStuck = error.code === stalledCode && current.cursor === job.cursor;
        return isStuck || error.code === incompleteCode
          ? { ...later, set: { ...later.set, cursor: null } }
          : later;
      });
      return;
    }
  }
  if (!gone && (await mayHaveSkipped(services, job))) return await readAgain(services, job);
  await settle(services, job, { gone, mayPass });
}

/**
 * Whether items are open after a reading that went on from a cursor. A provider need not tell its lines in the same
 * order twice, so what the cursor skipped may not be what was read before.
 */
async function mayHaveSkipped({ db }: Services, job: JobRow): Promise<boolean> {
  if (job.cursor === null) return false;
  const copied = await db.read((q) => countJobResults(workerScope, q, job));
  return copied < job.requestCount;
}

/** Reads everything once more, from the start; what is there already does not count twice. */
async function readAgain(services: Services, job: JobRow): Promise<void> {
  await changeHeldJob(services, job, (_current, { now }) => ({
    event: 'JOB_DELAYED',
    set: { cursor: null, dueAt: now, leaseUntil: null },
  }));
}

/** How long results that should be there may stay away before they count as missing, and how often to look. */
const lateResults = { waitMinutes: 10, pauseSeconds: 30 };

async function copyResults(
  services: Services,
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  signal: AbortSignal,
): Promise<JobReport | 'later'> {
  const known = providerJobOf(job);
  const report = await client.retrieve(known, signal);
  // Of a job that we ended while its provider goes on, what is there is taken and nothing is waited for.
  const isOurEnd = givenUp(job) !== null && (report.status === null || !isFinalJob(report.status));
  const pauseUntil = report.resultsReady || isOurEnd ? null : waitFor(services, job, report);
  await changeHeldJob(services, job, (current, { now }) => {
    // Failures count on until a chunk arrives; a provider that answers and has no results is asked more slowly.
    const { leaseUntil, failures, ...told } = patchFromReport(services, current, report, {
      now,
      random: Math.random(),
    });
    const reason = givenUp(job);
    const set = reason === null ? told : { ...told, errorCode: reason.code, errorMessage: reason.message };
    return pauseUntil === null
      ? { event: 'JOB_POLLED', set }
      : { event: 'JOB_DELAYED', set: { ...set, leaseUntil, dueAt: pauseUntil } };
  });
  if (pauseUntil !== null) return 'later';
  if (report.resultsReady) await copyLines(services, { provider, client }, job, report, signal);
  return report;
}

/** When to look again for results that a provider owes and does not show yet; null when none are owed any more. */
function waitFor({ clock, settings }: Services, job: JobRow, { status, counts }: JobReport): Date | null {
  const now = clock.now();
  const pause = new Date(now.getTime() + lateResults.pauseSeconds * 1000);
  // A provider that takes its word back owes all of them, for as long as it may take.
  if (status === null || !isFinalJob(status)) {
    const deadline = deadlineOf(job, settings.graceSeconds);
    return deadline === null || now < deadline ? pause : null;
  }
  const owed = status === 'COMPLETED' || (counts.succeeded ?? 0) + (counts.errored ?? 0) > 0;
  const endedAt = job.completedAt ?? job.expiredAt ?? job.cancelledAt ?? job.failedAt ?? now;
  const waitedMinutes = (now.getTime() - endedAt.getTime()) / 60_000;
  return owed && waitedMinutes < lateResults.waitMinutes ? pause : null;
}

/** Gives items without a line their outcome, and ends the job. */
export async function settle(services: Services, job: JobRow, lastWord: LastWord): Promise<void> {
  await changeHeldJob(services, job, async (current, { now, seq, tx }) => {
    const origin = { batchId: job.batchId, jobId: job.id, attempt: job.attempt, seq, at: now };
    const outcome = missingOutcome(current, lastWord);
    const reason = givenUp(current);
    // Mostly all of them are there, which is told by counting them sooner than by trying to add each.
    const isWhole = (await countJobResults(workerScope, tx, job)) >= job.requestCount;
    const tally = isWhole
      ? addTallies([])
      : await settleMissing(workerScope, tx, origin, { positions: job.positions, ...outcome });
    return {
      event: 'RESULTS_ADDED',
      set: {
        ...(reason === null ? {} : { errorCode: reason.code, errorMessage: reason.message }),
        collected: true,
        resultsWaiting: false,
        leaseUntil: null,
        ...filesAfter(current, now, { isLost: !isWhole && (lastWord.gone || reason !== null) }),
      },
      settled: { tally, from: 'submitted' },
    };
  });
}
