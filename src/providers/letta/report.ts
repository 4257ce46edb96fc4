/**
 * What the vendor's job object means for one of our jobs: its word for the state, its times, how it ran, and what
 * became of its own call to us. It counts nothing.
 */
import { isFinalJob } from '../../domain/status.ts';
import { publicText } from '../http-failure.ts';
import type { JobCounts, JobReport, ProviderCallback } from '../provider.ts';
import type { WireJob } from './wire.ts';

/** The report that a job makes; `raw` is the vendor's answer, verbatim. */
export function toReport(job: WireJob, raw: string): JobReport {
  const status = statuses.get(job.status) ?? null;
  const callback = toCallback(job);
  return {
    status,
    finalizing: false,
    providerStatus: job.status,
    raw,
    counts: uncounted,
    // A batch is sent on while it is created: it begins when it comes to be.
    inProgressAt: status === null || status === 'PENDING' ? null : job.createdAt,
    finalizingAt: null,
    endedAt: job.completedAt,
    expiresAt: null,
    resultsExpireAt: null,
    // Messages can be read from the beginning on; the words of agents that are done are taken, the others wait.
    resultsReady: status === 'RUNNING' || (status !== null && isFinalJob(status)),
    inputFileId: null,
    outputFileId: null,
    errorFileId: null,
    error:
      status === 'FAILED'
        ? { code: job.stopReason ?? 'batch_failed', message: 'The provider failed the batch.' }
        : null,
    run: {
      type: job.type,
      background: job.background,
      stopReason: job.stopReason,
      totalDurationNs: job.totalDurationNs,
      ttftNs: job.ttftNs,
    },
    ...(callback === null ? {} : { callback }),
  };
}

const statuses: ReadonlyMap<string, NonNullable<JobReport['status']>> = new Map([
  ['created', 'PENDING'],
  ['pending', 'PENDING'],
  ['running', 'RUNNING'],
  ['completed', 'COMPLETED'],
  ['failed', 'FAILED'],
  ['cancelled', 'CANCELLED'],
  ['expired', 'EXPIRED'],
]);

const uncounted: JobCounts = { total: null, succeeded: null, errored: null, expired: null, cancelled: null };

/** Null where the job has no callback; what the server then tells of one is its own confusion. */
const toCallback = (job: WireJob): ProviderCallback | null => {
  if (job.callbackUrl === null) return null;
  return {
    url: job.callbackUrl,
    sentAt: job.callbackSentAt,
    statusCode: job.callbackStatusCode,
    error: job.callbackError && publicText(job.callbackError, ''),
  };
};
