/**
 * What the vendor's operation means for one of our jobs: its word for the state, its counts, its times, and why it
 * failed.
 */
import { isFinalJob } from '../../domain/status.ts';
import { publicText } from '../http-failure.ts';
import type { JobCounts, JobReport } from '../provider.ts';
import { rpcCode } from './rpc-codes.ts';
import type { WireOperation, WireOutput } from './wire.ts';

/**
 * The report that an operation makes; `raw` is the vendor's answer, verbatim. The vendor has no word for a job that
 * is asked to stop and has not stopped yet: it is `stopping` because we asked.
 */
export function toReport(operation: WireOperation, raw: string, { stopping = false } = {}): JobReport {
  const { metadata } = operation;
  const told = statusOf(metadata.state);
  const status = stopping && (told === 'PENDING' || told === 'RUNNING') ? 'CANCELLING' : told;
  const counts = toCounts(operation, status);
  return {
    status,
    finalizing: false,
    providerStatus: metadata.state,
    raw,
    counts,
    inProgressAt: null,
    finalizingAt: null,
    endedAt: metadata.endTime,
    expiresAt: metadata.createTime && new Date(metadata.createTime.getTime() + lifetimeMilliseconds),
    resultsExpireAt: null,
    resultsReady: resultsReady(operation, status, counts),
    inputFileId: metadata.inputConfig?.fileName ?? null,
    outputFileId: outputOf(operation)?.responsesFile ?? null,
    errorFileId: null,
    error: status === 'FAILED' ? toError(operation) : null,
  };
}

/** Where the results are, as the operation says; null where it does not. It says so in one of two places, or both. */
export const outputOf = ({ metadata, response }: WireOperation): WireOutput | null =>
  [metadata.output, response].find(
    (output) => output && (output.responsesFile !== null || output.inlinedResponses !== undefined),
  ) ?? null;

/** A job that is pending or running for longer expires. */
const lifetimeMilliseconds = 48 * 60 * 60 * 1000;

/** The wire says `BATCH_STATE_…`; the vendor's SDKs and guides say `JOB_STATE_…`, and have more words. */
const statusOf = (state: string): JobReport['status'] =>
  statuses.get(/^(?:BATCH|JOB)_STATE_(.+)$/.exec(state)?.[1] ?? '') ?? null;

const statuses: ReadonlyMap<string, NonNullable<JobReport['status']>> = new Map([
  ['QUEUED', 'PENDING'],
  ['PENDING', 'PENDING'],
  ['RUNNING', 'RUNNING'],
  ['CANCELLING', 'CANCELLING'],
  ['SUCCEEDED', 'COMPLETED'],
  ['PARTIALLY_SUCCEEDED', 'COMPLETED'],
  ['FAILED', 'FAILED'],
  ['CANCELLED', 'CANCELLED'],
  ['EXPIRED', 'EXPIRED'],
]);

/**
 * The vendor counts what succeeded and what failed. What expired or was cancelled is the rest, once the job ended
 * so. A total of zero is one that it has not counted yet.
 */
const toCounts = (
  { metadata: { batchStats: stats } }: WireOperation,
  status: JobReport['status'],
): JobCounts => {
  const { requestCount: total, successfulRequestCount: succeeded, failedRequestCount: errored } = stats ?? {};
  if (!total || succeeded == null || errored == null) return uncounted;
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
 * An expired job has no results, and a cancelled one perhaps; then there is nothing to wait for. A job that completed
 * and names no results is asked again, unless it counts no success: taking it at its word would write them off.
 */
const resultsReady = (operation: WireOperation, status: JobReport['status'], counts: JobCounts): boolean => {
  if (status === null || !isFinalJob(status)) return false;
  if (outputOf(operation) !== null) return true;
  return status === 'COMPLETED' ? counts.succeeded === 0 : status !== 'FAILED';
};

const toError = ({ error }: WireOperation): NonNullable<JobReport['error']> => {
  const { word, mayPass } = error?.code ? rpcCode(error.code) : { word: 'batch_failed', mayPass: false };
  const message = publicText(error?.message ?? 'The provider failed the batch.', '');
  return { code: word, message, retryable: mayPass };
};
