/**
 * What the vendor's batch object means for one of our jobs: its word for the state, its counts, and whether there are
 * results. The vendor tells neither an end time nor why a batch failed.
 */
import { isFinalJob } from '../../domain/status.ts';
import type { JobCounts, JobReport } from '../provider.ts';
import type { WireBatch } from './wire.ts';

/** The report that a batch makes of a job of `requestCount`; `raw` is the vendor's answer, verbatim. */
export function toReport(batch: WireBatch, raw: string, requestCount: number): JobReport {
  const status = statuses.get(batch.status) ?? null;
  return {
    status,
    finalizing: false,
    providerStatus: batch.status,
    raw,
    counts: countedFrom.has(batch.status) ? toCounts(batch, requestCount) : uncounted,
    inProgressAt: null,
    finalizingAt: null,
    endedAt: null,
    expiresAt: null,
    resultsExpireAt: null,
    // A batch that failed may have results, and one that says it completed has none until it names them.
    resultsReady: status !== null && isFinalJob(status) && batch.outputUrl !== null,
    inputFileId: null,
    outputFileId: null,
    errorFileId: null,
    error: status === 'FAILED' ? failed : null,
    ...(batch.webhookUrl === null
      ? {}
      : { callback: { url: batch.webhookUrl, sentAt: null, statusCode: null, error: null } }),
  };
}

const statuses: ReadonlyMap<string, NonNullable<JobReport['status']>> = new Map([
  ['PENDING', 'PENDING'],
  ['JOBS_CREATED', 'RUNNING'],
  ['PROCESSING', 'RUNNING'],
  ['COMPLETED', 'COMPLETED'],
  ['FAILED', 'FAILED'],
]);

/** Before the generations exist the vendor's metrics contradict themselves. */
const countedFrom: ReadonlySet<string> = new Set(['JOBS_CREATED', 'PROCESSING', 'COMPLETED', 'FAILED']);

const uncounted: JobCounts = { total: null, succeeded: null, errored: null, expired: null, cancelled: null };

/**
 * The vendor's counts, as long as they are counts of this job; of another number of generations only that number is
 * told. It knows no expired and no cancelled generation.
 */
const toCounts = ({ metrics }: WireBatch, requestCount: number): JobCounts => {
  const { total = null, succeeded = null, failed = null } = metrics ?? {};
  if (total === null || succeeded === null || failed === null) return uncounted;
  if (total !== requestCount) return { ...uncounted, total };
  if (succeeded + failed > total) return uncounted;
  return { ...uncounted, total, succeeded, errored: failed };
};

const failed = { code: 'batch_failed', message: 'The provider failed the batch and did not say why.' };
