/**
 * What the vendor's batch object means for one of our jobs: its word for the state, its counts, its times, and
 * why it failed.
 */
import { isFinalJob } from '../../domain/status.ts';
import { publicText } from '../http-failure.ts';
import type { JobCounts, JobReport } from '../provider.ts';
import { noQuirks, type Quirks } from './quirks.ts';
import type { WireBatch } from './wire.ts';

/** The report that a batch makes; `raw` is the vendor's answer, verbatim. */
export function toReport(batch: WireBatch, raw: string, quirks: Quirks = noQuirks): JobReport {
  const word = quirks.statuses === 'upper' ? batch.status.toLowerCase() : batch.status;
  const status = statuses.get(word) ?? null;
  return {
    status,
    finalizing: word === 'finalizing',
    providerStatus: batch.status,
    raw,
    counts: toCounts(batch, status),
    inProgressAt: batch.in_progress_at,
    finalizingAt: batch.finalizing_at,
    endedAt: batch.completed_at ?? batch.failed_at ?? batch.expired_at ?? batch.cancelled_at,
    expiresAt: batch.expires_at,
    // The vendor tells when a file goes with the file, not with the batch.
    resultsExpireAt: null,
    resultsReady: resultsReady(batch, status, quirks),
    inputFileId: batch.input_file_id,
    outputFileId: batch.output_file_id,
    errorFileId: batch.error_file_id,
    error: status === 'FAILED' ? toError(batch) : null,
  };
}

const statuses: ReadonlyMap<string, NonNullable<JobReport['status']>> = new Map([
  ['validating', 'PENDING'],
  ['in_progress', 'RUNNING'],
  ['finalizing', 'RUNNING'],
  ['completed', 'COMPLETED'],
  ['failed', 'FAILED'],
  ['expired', 'EXPIRED'],
  ['cancelling', 'CANCELLING'],
  ['cancelled', 'CANCELLED'],
]);

/**
 * The vendor counts what succeeded and what failed. What expired or was cancelled is the rest, once the batch
 * ended so. A total of zero is one that it has not counted yet.
 */
const toCounts = ({ request_counts: counts }: WireBatch, status: JobReport['status']): JobCounts => {
  if (counts === null || counts.total === 0) return uncounted;
  const rest = Math.max(0, counts.total - counts.completed - counts.failed);
  return {
    total: counts.total,
    succeeded: counts.completed,
    errored: counts.failed,
    expired: status === 'EXPIRED' ? rest : null,
    cancelled: status === 'CANCELLED' ? rest : null,
  };
};

const uncounted: JobCounts = { total: null, succeeded: null, errored: null, expired: null, cancelled: null };

/**
 * Every end but a failed validation has results. A batch that counts successes and names no file for them is
 * asked again: taking it at its word would write them off. So is one that completed, never counts, and names no
 * file at all.
 */
const resultsReady = (batch: WireBatch, status: JobReport['status'], { counts }: Quirks): boolean => {
  if (status === null || !isFinalJob(status)) return false;
  const named = batch.output_file_id !== null || batch.error_file_id !== null;
  if (status === 'FAILED' || (status === 'COMPLETED' && counts !== 'requests')) return named;
  return batch.output_file_id !== null || (batch.request_counts?.completed ?? 0) === 0;
};

/** The first thing that the vendor found wrong, and how many more there are. */
const toError = ({ errors, error }: WireBatch): NonNullable<JobReport['error']> => {
  const [first, ...others] = errors?.data ?? [];
  if (first === undefined) {
    return { code: 'batch_failed', message: publicText(error ?? 'The provider failed the batch.', '') };
  }
  const line = first.line === null ? '' : ` (line ${first.line})`;
  const more = others.length === 0 ? '' : ` And ${others.length} more.`;
  const code = first.code ?? 'batch_failed';
  return {
    code,
    message: publicText(`${first.message ?? 'The provider failed the batch.'}${line}${more}`, ''),
    retryable: ofTheMoment.has(code),
  };
};

/** What speaks of the moment and not of the requests: the queue of tokens was full. */
const ofTheMoment: ReadonlySet<string> = new Set(['token_limit_exceeded']);
