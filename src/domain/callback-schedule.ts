/**
 * When a callback URL that has not taken its call is called again, and when that is given up: the schedule of the
 * Standard Webhooks specification. Owns what an answer means; the present moment and chance are handed in, and
 * calling is left to `callbacks/`.
 */
import { jittered } from './polling.ts';
import { retryAfter } from './retry-after.ts';

const lastPauseSeconds = 50_400;
/** The pauses after the first attempts that fail; more than a day in all. */
export const callbackPausesSeconds = [5, 300, 1_800, 7_200, 18_000, 36_000, lastPauseSeconds] as const;
const jitter = 0.1;
const retryAfterSecondsMax = 86_400;
/** "Gone": the receiver wants no more of it. */
const goneStatus = 410;

/** After so many attempts that failed nobody is called any more by itself. */
export const callbackAttemptsMax = callbackPausesSeconds.length + 1;

/** What one attempt came to. */
export interface CallbackOutcome {
  /** What the receiver answered; null where it did not. */
  readonly statusCode: number | null;
  /** Why it does not count, for people; null where it does. */
  readonly error: string | null;
  /** The answer's Retry-After, as it came. */
  readonly retryAfter: string | null;
}

/** Where an attempt stands: how many were begun, this one included, our time, and chance in [0, 1). */
export interface AttemptPlace {
  readonly attempts: number;
  readonly now: Date;
  readonly random: number;
}

/** What is to be done after an attempt. */
export type CallbackVerdict =
  | { readonly status: 'DELIVERED' | 'FAILED'; readonly dueAt: null }
  | { readonly status: 'PENDING'; readonly dueAt: Date };

/** Whether a status says that the receiver has taken the call: 2xx alone. */
export const isTaken = (statusCode: number | null): boolean =>
  statusCode !== null && statusCode >= 200 && statusCode < 300;

/**
 * What follows from an attempt: told where the answer is 2xx, given up after 410 or the last attempt, else called
 * again after a pause that grows, or later where the receiver asks for it, within a day.
 */
export function verdictOn(
  { statusCode, retryAfter: asked }: CallbackOutcome,
  { attempts, now, random }: AttemptPlace,
): CallbackVerdict {
  if (isTaken(statusCode)) return { status: 'DELIVERED', dueAt: null };
  const pause = callbackPausesSeconds[attempts - 1];
  if (statusCode === goneStatus || pause === undefined) return { status: 'FAILED', dueAt: null };
  const earliest = secondsAfter(now, jittered(pause, jitter, random)).getTime();
  const latest = secondsAfter(now, retryAfterSecondsMax).getTime();
  const wanted = retryAfter(asked, now)?.getTime() ?? earliest;
  return { status: 'PENDING', dueAt: new Date(Math.min(Math.max(wanted, earliest), latest)) };
}

/**
 * When it is called again if nothing is ever heard of an attempt, because its sender died or was stopped. Also after
 * the last one, of which nobody knows that it failed.
 */
export const unheardDueAt = ({ attempts, now, random }: AttemptPlace): Date =>
  secondsAfter(now, jittered(callbackPausesSeconds[attempts - 1] ?? lastPauseSeconds, jitter, random));

const secondsAfter = (now: Date, seconds: number): Date =>
  new Date(now.getTime() + Math.ceil(seconds * 1000));
