/**
 * Whose turn it is to be sent, where a provider shows no key of ours. A batch whose answer was lost can then only be
 * told by its time and the number of its requests, so that one job of a credential is sent at a time, and none while
 * another with as many requests is looked for. Owned here: the rule. Holding it against others who ask at the same
 * time, and waking who waits, are left to `batches/turn.ts`.
 */
import { absenceCountsAt, type SendingTimes } from './recovery.ts';

/** A job that may be at its provider without our knowing: being sent (or its sender is dead), or looked for. */
export interface JobInFlight {
  readonly status: 'PENDING' | 'UNKNOWN';
  readonly requestCount: number;
  readonly sendBefore: Date;
}

/** A job that waits for its turn. */
export interface WaitingJob {
  readonly id: string;
  readonly requestCount: number;
  /** When it asks again. */
  readonly dueAt: Date;
}

/** All that a job's turn depends on. */
export interface Queue {
  /** Of its credential, itself left out. */
  readonly inFlight: readonly JobInFlight[];
  /** Those that are older than it, oldest first; of many, the oldest. */
  readonly waiting: readonly WaitingJob[];
}

/** It may be sent now; or it asks again in `seconds`, and `before`, where there is one, is to be sent before it. */
export type Turn =
  | { readonly turn: 'now' }
  | { readonly turn: 'later'; readonly seconds: number; readonly before: string | null };

/** The pause of the first that waits, what each before it adds, and the longest. Who can go is woken besides. */
const pauseSeconds = { first: 5, each: 2, longest: 60 };

/**
 * Whether it is the turn of a job with so many requests. Oldest first, but nobody waits for one that cannot go itself.
 * A lost job is in the way as long as it may still come to show and no longer, so that one that waits for a person
 * stops nobody; and one that waits is only as long as it keeps asking.
 */
export function turnOf(
  { requestCount }: Pick<JobInFlight, 'requestCount'>,
  queue: Queue,
  now: Date,
  times: SendingTimes,
): Turn {
  const inFlight = stillInFlight(queue.inFlight, now, times);
  const soon = now.getTime() + pauseSeconds.longest * 1000;
  const first = firstToGo(
    inFlight,
    queue.waiting.filter(({ dueAt }) => dueAt.getTime() <= soon),
  );
  if (isFree(inFlight, requestCount) && first === null) return { turn: 'now' };
  const seconds = pauseSeconds.first + pauseSeconds.each * queue.waiting.length;
  return { turn: 'later', seconds: Math.min(seconds, pauseSeconds.longest), before: first };
}

/** Who of those that wait can be sent now, the oldest first; null where nobody can. */
export function nextInTurn({ inFlight, waiting }: Queue, now: Date, times: SendingTimes): string | null {
  return firstToGo(stillInFlight(inFlight, now, times), waiting);
}

const stillInFlight = (jobs: readonly JobInFlight[], now: Date, times: SendingTimes): JobInFlight[] =>
  jobs.filter(({ sendBefore }) => absenceCountsAt({ sendBefore, ...times }) > now);

const isFree = (inFlight: readonly JobInFlight[], requestCount: number): boolean =>
  inFlight.every((job) => job.status === 'UNKNOWN' && job.requestCount !== requestCount);

const firstToGo = (inFlight: readonly JobInFlight[], waiting: readonly WaitingJob[]): string | null =>
  waiting.find(({ requestCount }) => isFree(inFlight, requestCount))?.id ?? null;
