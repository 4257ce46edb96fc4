/**
 * What the vendor's batch object means for one of our jobs. It has no word for its state; that is read from its
 * counts, from who cancelled it, and from what we know ourselves: how many items we added, and when we asked to cancel.
 */
import { isFinalJob } from '../../domain/status.ts';
import { publicText } from '../http-failure.ts';
import type { JobCounts, JobReport, ProviderJob } from '../provider.ts';
import { endOfDay, readTime } from './times.ts';
import type { WireBatch, WireState } from './wire.ts';

/** A job, as far as it tells what its batch's counts mean. */
export type CountedJob = Pick<ProviderJob, 'requestCount' | 'cancelRequestedAt'>;

/** The report that a batch makes at `now`; `raw` is the vendor's answer, verbatim. */
export function toReport(batch: WireBatch, raw: string, job: CountedJob, now: Date): JobReport {
  const word = wordFor(batch, job, now);
  const status = statuses[word];
  const message = batch.cancel_by_xai_message ?? '';
  return {
    status,
    finalizing: false,
    providerStatus: word,
    raw,
    counts: toCounts(batch.state, word),
    inProgressAt: null,
    finalizingAt: null,
    endedAt: null,
    expiresAt: null,
    resultsExpireAt: retention(batch),
    resultsReady: resultsReady(batch.state, status),
    inputFileId: null,
    outputFileId: null,
    errorFileId: null,
    error: status === 'FAILED' ? { code: 'cancelled_by_xai', message: publicText(message, '') } : null,
  };
}

/** Our words for what the vendor has none for, and what they mean. */
const statuses = {
  untold: null,
  rejected: 'FAILED',
  empty: 'PENDING',
  filling: 'RUNNING',
  running: 'RUNNING',
  cancelling: 'CANCELLING',
  cancelled: 'CANCELLED',
  expired: 'EXPIRED',
  completed: 'COMPLETED',
} as const satisfies Record<string, JobReport['status']>;

type Word = keyof typeof statuses;

const wordFor = (batch: WireBatch, job: CountedJob, now: Date): Word => {
  if ((batch.cancel_by_xai_message ?? '') !== '') return 'rejected';
  const { num_requests: total, num_pending: pending } = batch.state ?? {};
  if (total == null || pending == null) return 'untold';
  const isWhole = total >= job.requestCount;
  if (batch.cancel_time !== null) return stoppedWord(batch.state, { isWhole, pending }, job, now);
  // Nothing is pending in a batch that was just created, either.
  if (total === 0) return 'empty';
  if (pending > 0) return isLongOver(batch, now) ? 'expired' : 'running';
  return isWhole ? 'completed' : 'filling';
};

/**
 * How long after a cancel what counts as cancelled may still turn out to have succeeded: in flight when we asked, and
 * paid for. It has been seen within 20 seconds; nobody has said how long it may take.
 */
const settlingSeconds = 60;

/** A cancel that stopped nothing came too late, and the batch is simply done. */
const stoppedWord = (
  state: WireState | null,
  { isWhole, pending }: { isWhole: boolean; pending: number },
  { cancelRequestedAt }: CountedJob,
  now: Date,
): Word => {
  if (pending > 0) return 'cancelling';
  const cancelled = state?.num_cancelled ?? 0;
  if (cancelled === 0) return isWhole ? 'completed' : 'cancelled';
  const settledAt = (cancelRequestedAt?.getTime() ?? 0) + settlingSeconds * 1000;
  return now.getTime() < settledAt ? 'cancelling' : 'cancelled';
};

const dayMilliseconds = 24 * 60 * 60 * 1000;

/** Whether the time is over until which the vendor keeps a batch. A bare date is no time: a whole day goes by after it. */
const isLongOver = ({ expire_time: text }: WireBatch, now: Date): boolean => {
  const time = readTime(text);
  if (time === null) return false;
  const over = time.isDate ? endOfDay(time.at).getTime() + dayMilliseconds : time.at.getTime();
  return now.getTime() >= over;
};

/** Until when results can be read. It is no deadline for the work. */
const retention = ({ expire_time: text }: WireBatch): Date | null => {
  const time = readTime(text);
  return time && (time.isDate ? endOfDay(time.at) : time.at);
};

/** What expired is what was still pending then; the vendor has no count for it. */
const toCounts = (state: WireState | null, word: Word): JobCounts => ({
  total: state?.num_requests ?? null,
  succeeded: state?.num_success ?? null,
  errored: state?.num_error ?? null,
  expired: word === 'expired' ? (state?.num_pending ?? null) : null,
  cancelled: state?.num_cancelled ?? null,
});

/**
 * Results can be read from the first one on; but not while a cancel settles, when one that says cancelled may not be
 * the last word.
 */
const resultsReady = (state: WireState | null, status: JobReport['status']): boolean => {
  if (status === null || status === 'CANCELLING') return false;
  const finished = (state?.num_success ?? 0) + (state?.num_error ?? 0);
  return finished > 0 || (isFinalJob(status) && status !== 'FAILED');
};
