/**
 * What the vendor's batch object means for one of our jobs. The vendor knows a single word for the end; how the
 * job ended is read from the counts (`reference` in the README, "Status").
 */
import type { JobCounts, JobReport } from '../provider.ts';
import { resultsDays } from './settings.ts';
import { type MessageBatch, requestTotal } from './wire.ts';

/** The report that a batch makes; `raw` is the vendor's answer, verbatim. */
export function toReport(batch: MessageBatch, raw: string): JobReport {
  const status = statuses.get(batch.processingStatus)?.(batch) ?? null;
  return {
    status,
    finalizing: false,
    providerStatus: batch.processingStatus,
    raw,
    counts: toJobCounts(batch),
    // Processing begins with the creation; the vendor tells no other moment.
    inProgressAt: batch.createdAt,
    finalizingAt: null,
    endedAt: batch.endedAt,
    expiresAt: batch.expiresAt,
    resultsExpireAt: batch.createdAt && new Date(batch.createdAt.getTime() + resultsDays * dayMilliseconds),
    // Archived results count as ready: collecting them is how one is told that they are gone.
    resultsReady: batch.resultsUrl !== null || batch.archivedAt !== null,
    inputFileId: null,
    outputFileId: null,
    errorFileId: null,
    error: null,
  };
}

const dayMilliseconds = 24 * 60 * 60 * 1000;

const statuses: ReadonlyMap<string, (batch: MessageBatch) => JobReport['status']> = new Map<
  string,
  (batch: MessageBatch) => JobReport['status']
>([
  ['in_progress', () => 'RUNNING'],
  ['canceling', () => 'CANCELLING'],
  ['ended', endOf],
]);

/** How a batch that ended did so. Where the counts cannot be read, the end itself is all that is known. */
function endOf({ requestCounts, cancelInitiatedAt }: MessageBatch): 'COMPLETED' | 'EXPIRED' | 'CANCELLED' {
  if (requestCounts === null) return 'COMPLETED';
  if (requestCounts.expired > 0) return 'EXPIRED';
  return cancelInitiatedAt !== null && requestCounts.canceled > 0 ? 'CANCELLED' : 'COMPLETED';
}

/** Until the end the vendor counts everything as processing, so that only the total means anything. */
const toJobCounts = ({ processingStatus, requestCounts: counts }: MessageBatch): JobCounts => {
  const ended = processingStatus === 'ended' ? counts : null;
  return {
    total: counts && requestTotal(counts),
    succeeded: ended?.succeeded ?? null,
    errored: ended?.errored ?? null,
    expired: ended?.expired ?? null,
    cancelled: ended?.canceled ?? null,
  };
};
