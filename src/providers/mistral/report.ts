/**
 * What the vendor's batch job object means for one of our jobs: its word for the state, its counts, its times, and
 * why it failed.
 */
import { isFinalJob } from '../../domain/status.ts';
import { publicText } from '../http-failure.ts';
import type { JobCounts, JobReport } from '../provider.ts';
import type { WireBatch } from './wire.ts';

/** The report that a job makes; `raw` is the vendor's answer, verbatim. */
export function toReport(batch: WireBatch, raw: string): JobReport {
  const status = statuses.get(batch.status) ?? null;
  return {
    status,
    finalizing: false,
    providerStatus: batch.status,
    raw,
    counts: toCounts(batch, status),
    inProgressAt: batch.started_at,
    finalizingAt: null,
    endedAt: batch.completed_at,
    // The vendor shows neither the timeout that it was given nor the moment that follows from it.
    expiresAt: null,
    resultsExpireAt: null,
    resultsReady: resultsReady(batch, status),
    inputFileId: batch.input_files[0] ?? null,
    outputFileId: batch.output_file,
    errorFileId: batch.error_file,
    error: status === 'FAILED' ? toError(batch) : null,
  };
}

const statuses: ReadonlyMap<string, NonNullable<JobReport['status']>> = new Map([
  ['QUEUED', 'PENDING'],
  ['RUNNING', 'RUNNING'],
  ['SUCCESS', 'COMPLETED'],
  ['FAILED', 'FAILED'],
  ['TIMEOUT_EXCEEDED', 'EXPIRED'],
  ['CANCELLATION_REQUESTED', 'CANCELLING'],
  ['CANCELLED', 'CANCELLED'],
]);

/**
 * The vendor counts what succeeded and what failed. What expired or was cancelled is the rest, once the job ended
 * so. A total of zero is one that it has not counted yet.
 */
const toCounts = (batch: WireBatch, status: JobReport['status']): JobCounts => {
  const { total_requests: total, succeeded_requests: succeeded, failed_requests: errored } = batch;
  if (total === null || total === 0 || succeeded === null || errored === null) return uncounted;
  const rest = Math.max(0, total - succeeded - errored);
  return {
    total,
    succeeded,
    errored,
    expired: status === 'EXPIRED' ? rest : null,
    cancelled: status === 'CANCELLED' ? rest : null,
  };
};

const uncounted: JobCounts = { total: null, succeeded: null, errored: null, expired: null, cancelled: null };

/**
 * Every end but a failure has results. A job that counts successes and names no file for them is asked again: taking
 * it at its word would write them off.
 */
const resultsReady = (batch: WireBatch, status: JobReport['status']): boolean => {
  if (status === null || !isFinalJob(status)) return false;
  if (status === 'FAILED') return batch.output_file !== null || batch.error_file !== null;
  return batch.output_file !== null || (batch.succeeded_requests ?? 0) === 0;
};

/** The first thing that the vendor found wrong, how often, and how many other things there are. */
const toError = ({ errors: [first, ...others] }: WireBatch): NonNullable<JobReport['error']> => {
  const code = 'batch_failed';
  if (first === undefined) return { code, message: 'The provider failed the batch.' };
  const often = first.count > 1 ? ` (${first.count} times)` : '';
  const more = others.length === 0 ? '' : ` And ${others.length} more.`;
  const message = `${first.message ?? 'The provider failed the batch.'}${often}${more}`;
  return { code, message: publicText(message, '') };
};
