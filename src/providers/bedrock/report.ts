/**
 * What the vendor's job object means for one of our jobs: its word for the state, its counts, its times, where its
 * files are, and why it failed.
 */
import { isFinalJob } from '../../domain/status.ts';
import { publicText } from '../http-failure.ts';
import type { JobCounts, JobReport } from '../provider.ts';
import { below, readS3Uri, s3Uri } from './s3-uri.ts';
import type { WireJob } from './wire.ts';

/** The report that a job makes; `raw` is the vendor's answer, verbatim. */
export function toReport(job: WireJob, raw: string): JobReport {
  const status = statuses.get(job.status) ?? null;
  const counts = toCounts(job, status);
  return {
    ...unknown,
    status,
    providerStatus: job.status,
    raw,
    counts,
    endedAt: job.endTime,
    expiresAt: job.jobExpirationTime,
    resultsReady: resultsReady(status, counts),
    inputFileId: job.inputDataConfig,
    outputFileId: outputFolder(job),
    error: status === 'FAILED' ? toError(job) : null,
  };
}

/** The report of a job that was just created: the vendor tells its ARN (`raw`) and nothing else. */
export const newReport = (raw: string): JobReport => ({ ...unknown, raw });

const uncounted: JobCounts = { total: null, succeeded: null, errored: null, expired: null, cancelled: null };

const unknown: JobReport = {
  // Every job begins so.
  status: 'PENDING',
  providerStatus: 'Submitted',
  raw: '',
  finalizing: false,
  counts: uncounted,
  inProgressAt: null,
  finalizingAt: null,
  endedAt: null,
  expiresAt: null,
  // Results are the bucket's owner's to delete.
  resultsExpireAt: null,
  resultsReady: false,
  inputFileId: null,
  outputFileId: null,
  errorFileId: null,
  error: null,
};

const statuses: ReadonlyMap<string, NonNullable<JobReport['status']>> = new Map([
  ['Submitted', 'PENDING'],
  ['Validating', 'PENDING'],
  ['Scheduled', 'RUNNING'],
  ['InProgress', 'RUNNING'],
  ['Stopping', 'CANCELLING'],
  ['Completed', 'COMPLETED'],
  ['Failed', 'FAILED'],
  ['Stopped', 'CANCELLED'],
  // Time ran out: before the job had its turn, or while it ran.
  ['Expired', 'EXPIRED'],
  ['PartiallyCompleted', 'EXPIRED'],
]);

/**
 * The vendor counts what succeeded and what failed. What expired or was cancelled is the rest, once the job ended
 * so. A total of zero is one that it has not counted yet.
 */
const toCounts = (job: WireJob, status: JobReport['status']): JobCounts => {
  const { totalRecordCount: total, successRecordCount: succeeded, errorRecordCount: errored } = job;
  if (total === null || total === 0) return uncounted;
  const rest = succeeded === null || errored === null ? null : Math.max(0, total - succeeded - errored);
  return {
    total,
    succeeded,
    errored,
    expired: status === 'EXPIRED' ? rest : null,
    cancelled: status === 'CANCELLED' ? rest : null,
  };
};

/** Every end but a failure may have results, and a failure has those that were counted before it. */
const resultsReady = (status: JobReport['status'], { succeeded, errored }: JobCounts): boolean =>
  status !== null && isFinalJob(status) && (status !== 'FAILED' || (succeeded ?? 0) + (errored ?? 0) > 0);

/** The folder that the job writes to: named by the last part of its ARN, below the place that it was given. */
const outputFolder = ({ jobArn, outputDataConfig }: WireJob): string | null => {
  const place = readS3Uri(outputDataConfig ?? '');
  return place && s3Uri(below(place, `${jobArn.slice(jobArn.lastIndexOf('/') + 1)}/`));
};

const toError = ({ message }: WireJob): NonNullable<JobReport['error']> => ({
  code: 'batch_failed',
  message: publicText(message ?? 'The provider failed the batch.', ''),
});
