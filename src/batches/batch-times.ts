/**
 * What a batch takes over from its jobs and from the states that it passes: the first time of each, when a provider is
 * asked next, why it failed. Pure; `transition.ts` writes it.
 */
import type { BatchPatch } from '../db/queries/batches.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { type BatchStatus, isFinalJob, isTerminalBatch } from '../domain/status.ts';

/** A job, as far as its batch's times and its batch's failure follow from it. */
type TimedJob = Pick<
  JobRow,
  | 'attempt'
  | 'status'
  | 'providerJobId'
  | 'dueAt'
  | 'submittedAt'
  | 'expiresAt'
  | 'resultsExpireAt'
  | 'lastSyncedAt'
  | 'errorCode'
  | 'errorMessage'
>;

/** What told of the end of a batch that is not over any more, and of a wish to cancel that was fulfilled. */
export const notOver = {
  finalizingAt: null,
  completedAt: null,
  failedAt: null,
  expiredAt: null,
  cancellingAt: null,
  cancelledAt: null,
  errorCode: null,
  errorMessage: null,
} as const satisfies BatchPatch;

const timeOf = {
  ACCUMULATING: null,
  SUBMITTED: null,
  VALIDATING: null,
  IN_PROGRESS: 'inProgressAt',
  FINALIZING: 'finalizingAt',
  CANCELLING: null,
  COMPLETED: 'completedAt',
  FAILED: 'failedAt',
  EXPIRED: 'expiredAt',
  CANCELLED: 'cancelledAt',
} as const satisfies Record<BatchStatus, keyof BatchRow | null>;

/** The first time of each state, and what the batch takes over from its jobs. */
export function timesAfter(
  batch: BatchRow,
  status: BatchStatus,
  jobs: readonly TimedJob[],
  now: Date,
): BatchPatch {
  const column = timeOf[status];
  // A window that has ended says nothing of what was tried again since.
  const newest = Math.max(...jobs.map((job) => job.attempt));
  const current = jobs.filter((job) => !isFinalJob(job.status) || job.attempt === newest);
  const waiting = isTerminalBatch(status)
    ? []
    : jobs.filter((job) => job.providerJobId !== null && !isFinalJob(job.status));
  return {
    ...(column !== null && batch[column] === null ? { [column]: now } : {}),
    submittedAt: earliest(jobs.map((job) => job.submittedAt)),
    expiresAt: latest(current.map((job) => job.expiresAt)),
    resultsExpireAt: earliest(jobs.map((job) => job.resultsExpireAt)),
    lastSyncedAt: latest(jobs.map((job) => job.lastSyncedAt)),
    nextSyncAt: earliest(waiting.map((job) => job.dueAt)),
  };
}

const byTime = (times: readonly (Date | null)[]): Date[] =>
  times.filter((time) => time !== null).sort((a, b) => a.getTime() - b.getTime());
const earliest = (times: readonly (Date | null)[]): Date | null => byTime(times)[0] ?? null;
const latest = (times: readonly (Date | null)[]): Date | null => byTime(times).at(-1) ?? null;

/** Why a batch failed, from the first job of its newest attempt that says so. */
export function failureAfter(status: BatchStatus, jobs: readonly TimedJob[]): BatchPatch {
  if (status !== 'FAILED') return {};
  const [failed] = jobs.filter((job) => job.errorCode !== null).sort((a, b) => b.attempt - a.attempt);
  return {
    errorCode: failed?.errorCode ?? 'all_items_failed',
    errorMessage: failed?.errorMessage ?? 'Every request failed; errorGroups tells with what.',
  };
}
