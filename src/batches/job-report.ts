/** What a provider's report makes of a job's row; shared by submitting, adopting and polling. */
import type { JobPatch } from '../db/queries/jobs.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { advance } from '../domain/job.ts';
import { nextPollAt } from '../domain/polling.ts';
import { isFinalJob, type JobStatus } from '../domain/status.ts';
import type { JobReport, ProviderJob, Submission } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { storableText } from './storable-text.ts';

const endTimeOf = {
  COMPLETED: 'completedAt',
  FAILED: 'failedAt',
  EXPIRED: 'expiredAt',
  CANCELLED: 'cancelledAt',
} as const;

/**
 * The job after `report`: state (never backwards), times, counts and files as the provider tells them, and when
 * to look again: at once where results can be collected, else by the poll schedule.
 */
export function patchFromReport(
  services: Pick<Services, 'settings'>,
  job: JobRow,
  report: JobReport,
  { now, random }: { now: Date; random: number },
): JobPatch {
  const status: JobStatus = advance(job.status, report.status);
  const over = isFinalJob(status);
  const submittedAt = job.submittedAt ?? now;
  // However old a job is, its stopping is young, and looked at as often.
  const since = status === 'CANCELLING' ? (job.cancellingAt ?? now) : submittedAt;
  return {
    status,
    finalizing: !over && report.finalizing,
    providerStatus: storableText(report.providerStatus),
    raw: storableText(report.raw),
    providerTotal: report.counts.total,
    providerSucceeded: report.counts.succeeded,
    providerErrored: report.counts.errored,
    providerExpired: report.counts.expired,
    providerCancelled: report.counts.cancelled,
    inputFileId: report.inputFileId ?? job.inputFileId,
    outputFileId: report.outputFileId ?? job.outputFileId,
    errorFileId: report.errorFileId ?? job.errorFileId,
    submittedAt,
    inProgressAt: job.inProgressAt ?? report.inProgressAt ?? (status === 'RUNNING' ? now : null),
    finalizingAt: job.finalizingAt ?? report.finalizingAt ?? (report.finalizing ? now : null),
    cancellingAt: job.cancellingAt ?? (status === 'CANCELLING' ? now : null),
    ...(over && job[endTimeOf[status]] === null ? { [endTimeOf[status]]: report.endedAt ?? now } : {}),
    expiresAt: report.expiresAt ?? job.expiresAt,
    resultsExpireAt: report.resultsExpireAt ?? job.resultsExpireAt,
    ...toldOfRun(report),
    lastSyncedAt: now,
    failures: 0,
    errorCode: report.error === null ? null : storableText(report.error.code),
    errorMessage: report.error === null ? null : storableText(report.error.message),
    dueAt: over
      ? now
      : nextPollAt(services.settings.poll, { submittedAt: since, now, retryAt: null, random }),
    leaseUntil: null,
  };
}

/**
 * The job once it is known to be the provider's batch with that id. One that the provider has, and says nothing of that
 * we know, is asked again.
 */
export function patchFromFound(
  services: Pick<Services, 'settings'>,
  job: JobRow,
  { providerJobId, report }: { providerJobId: string; report: JobReport },
  moment: { now: Date; random: number },
): JobPatch {
  const patch = patchFromReport(services, job, report, moment);
  return { ...patch, providerJobId, ...(patch.status === 'UNKNOWN' ? { status: 'PENDING' } : {}) };
}

/** How many items of a job are over, as its provider counts; null where it does not. */
export const doneIn = ({ succeeded, errored, expired, cancelled }: JobReport['counts']): number | null => {
  const counts = [succeeded, errored, expired, cancelled].filter((count) => count !== null);
  return counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0);
};

/** What only some providers tell; of what a report leaves out nothing is forgotten. */
const toldOfRun = ({ run, callback }: JobReport): JobPatch => ({
  ...(run === undefined
    ? {}
    : {
        runType: run.type === null ? null : storableText(run.type),
        background: run.background,
        stopReason: run.stopReason === null ? null : storableText(run.stopReason),
        totalDurationNs: exactly(run.totalDurationNs),
        ttftNs: exactly(run.ttftNs),
      }),
  ...(callback === undefined
    ? {}
    : {
        toldCallbackUrl: callback.url === null ? null : storableText(callback.url),
        callbackSentAt: callback.sentAt,
        callbackStatusCode: httpStatus(callback.statusCode),
        callbackError: callback.error === null ? null : storableText(callback.error),
      }),
});

const httpStatus = (code: number | null): number | null =>
  code !== null && Number.isInteger(code) && code >= 100 && code <= 599 ? code : null;

/** A hundred days of nanoseconds fit; what does not is as good as not told. */
const exactly = (whole: bigint | null): number | null =>
  whole !== null && whole >= 0n && whole <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(whole) : null;

/** A job as its provider's client needs it; only for one that the provider is known to have. */
export function providerJobOf(job: JobRow): ProviderJob {
  if (job.providerJobId === null) throw new Error('the provider does not have this job');
  return {
    providerJobId: job.providerJobId,
    requestCount: job.requestCount,
    checkpoint: job.checkpoint,
    cancelRequestedAt: job.cancellingAt,
  };
}

/** A job as its provider's client needs it to send it or to look for it. */
export function submissionOf(job: JobRow): Submission {
  if (job.intentAt === null) throw new Error('a job is sent only after its intent was written');
  return {
    jobId: job.id,
    nonce: job.nonce,
    endpoint: job.endpoint,
    model: job.model,
    completionWindow: job.completionWindow,
    requestCount: job.requestCount,
    encodedBytes: job.bytes,
    checkpoint: job.checkpoint,
    intentAt: job.intentAt,
    callbackUrl: job.callbackUrl,
    hintedJobId: job.hintedJobId,
  };
}
