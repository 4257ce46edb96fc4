/**
 * What a batch is, given its items and jobs: its status by the table of `docs/lifecycle.md`, its six counts and
 * its progress. Pure arithmetic on facts that the caller read under the batch's row lock; storing what comes
 * out, and the event that tells of it, are left to `batches/transition`.
 */
import {
  type BatchStatus,
  type ItemStatus,
  isFinalJob,
  isTerminalBatch,
  itemStatuses,
  type JobStatus,
} from './status.ts';

/** How many items of a batch are in each state. They sum to the batch's total. */
export type ItemCounts = { readonly [Status in ItemStatus as Lowercase<Status>]: number };

/** What `batchStatus` needs to know of one job. */
export interface JobFacts {
  readonly status: JobStatus;
  /** Whether the provider has done the work and is preparing the results. */
  readonly finalizing: boolean;
  /** Whether the provider has the job and is still checking it. */
  readonly validating: boolean;
}

/** What a job's row says of it. */
export interface JobState {
  readonly status: JobStatus;
  readonly finalizing: boolean;
  readonly providerJobId: string | null;
}

/** The same as facts: a job that its provider has and that is not at work yet is being checked there. */
export const jobFacts = ({ status, finalizing, providerJobId }: JobState): JobFacts => ({
  status,
  finalizing,
  validating: status === 'PENDING' && providerJobId !== null,
});

/** What `batchStatus` needs to know of a batch. */
export interface BatchFacts {
  /** Whether it still accepts requests. */
  readonly open: boolean;
  readonly total: number;
  readonly counts: ItemCounts;
  readonly cancelRequested: boolean;
  readonly jobs: readonly JobFacts[];
}

/** The status of a batch: the first line that fits. */
export function batchStatus(batch: BatchFacts): BatchStatus {
  if (batch.open) return 'ACCUMULATING';
  if (finishedOf(batch.counts) === batch.total) return outcomeOf(batch);
  if (batch.cancelRequested) return 'CANCELLING';
  const { jobs } = batch;
  if (jobs.some(runs) || (jobs.some(isOver) && !jobs.every(isOver))) return 'IN_PROGRESS';
  if (jobs.length > 0 && jobs.every(isOver)) return 'FINALIZING';
  if (jobs.some((job) => job.validating)) return 'VALIDATING';
  return 'SUBMITTED';
}

/** What became of a closed batch when every item has a result. */
const outcomeOf = ({ counts, total, cancelRequested }: BatchFacts): BatchStatus => {
  // Only cancelling closes an empty batch; submitting one is refused.
  if (total === 0) return 'CANCELLED';
  if (counts.succeeded > 0) return 'COMPLETED';
  if (cancelRequested && counts.cancelled > 0) return 'CANCELLED';
  return counts.expired > 0 ? 'EXPIRED' : 'FAILED';
};

/** Over for the batch: nothing more will be computed, whether or not its results are copied. */
const isOver = (job: JobFacts): boolean => job.finalizing || isFinalJob(job.status);

const runs = (job: JobFacts): boolean =>
  (job.status === 'RUNNING' || job.status === 'CANCELLING') && !job.finalizing;

const fieldOf = {
  PENDING: 'pending',
  SUBMITTED: 'submitted',
  SUCCEEDED: 'succeeded',
  ERRORED: 'errored',
  EXPIRED: 'expired',
  CANCELLED: 'cancelled',
} as const satisfies { readonly [Status in ItemStatus]: Lowercase<Status> };

/** The counts of items in these states. */
export function countsOf(statuses: Iterable<ItemStatus>): { -readonly [Field in keyof ItemCounts]: number } {
  const counts = { pending: 0, submitted: 0, succeeded: 0, errored: 0, expired: 0, cancelled: 0 };
  for (const status of statuses) counts[fieldOf[status]] += 1;
  return counts;
}

/**
 * Counts after some items changed state: `applyDelta(counts, { submitted: -2, succeeded: 2 })`. A count below
 * zero means that something was counted twice; that is a fault of ours and throws a `RangeError`.
 */
export function applyDelta(counts: ItemCounts, delta: Partial<ItemCounts>): ItemCounts {
  const changed = countsOf([]);
  for (const field of itemStatuses.map((status) => fieldOf[status])) {
    changed[field] = counts[field] + (delta[field] ?? 0);
    if (changed[field] < 0) throw new RangeError(`The count of ${field} items would fall below zero.`);
  }
  return changed;
}

/**
 * The share of items that have a result, from 0 to 1. An empty batch has none to wait for: 1 once it is
 * terminal, 0 while it is open.
 */
export function progress(batch: {
  readonly status: BatchStatus;
  readonly counts: ItemCounts;
  readonly total: number;
}): number {
  if (batch.total === 0) return isTerminalBatch(batch.status) ? 1 : 0;
  return finishedOf(batch.counts) / batch.total;
}

const finishedOf = (counts: ItemCounts): number =>
  counts.succeeded + counts.errored + counts.expired + counts.cancelled;
