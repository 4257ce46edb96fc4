/**
 * Until when a job may take. A provider that never says that a job is over, or says so in a word that nobody knows,
 * must not keep its batch open for ever, and neither must one that never takes it. Owned here: the moments. What is done
 * then is `batches/overdue-job.ts`.
 */

/** A job, as far as its deadline depends on it. */
export interface TimedJob {
  readonly submittedAt: Date | null;
  /** When the provider says that its window ends; null where it does not. */
  readonly expiresAt: Date | null;
  /** The window that was asked for: `24h`, `7d`. */
  readonly completionWindow: string;
}

/**
 * The end of the job's window and `graceSeconds` more, for a provider that is late; null before the provider has
 * the job. Where it names no end, the window counts from its confirmation.
 */
export function deadlineOf(job: TimedJob, graceSeconds: number): Date | null {
  if (job.submittedAt === null) return null;
  const confirmed = job.submittedAt.getTime();
  const windowEnd = job.expiresAt?.getTime() ?? confirmed + windowSeconds(job.completionWindow) * 1000;
  const deadline = Math.max(windowEnd, confirmed) + graceSeconds * 1000;
  return new Date(Math.min(deadline, latestMilliseconds));
}

/** How long a provider is asked for results that it may still have, where it does not say how long it keeps them. */
const patienceDays = 30;

/**
 * When even a provider that cannot be reached, or will not answer, is not asked any more: when nobody keeps results
 * that long. Giving up earlier would throw away what is paid for; null before the provider has the job.
 */
export function abandonedAt(
  job: TimedJob & { readonly resultsExpireAt: Date | null },
  graceSeconds: number,
): Date | null {
  const deadline = deadlineOf(job, graceSeconds);
  if (deadline === null || job.submittedAt === null) return null;
  const patience = job.submittedAt.getTime() + patienceDays * 86_400_000;
  const kept = job.resultsExpireAt?.getTime() ?? 0;
  return new Date(Math.min(Math.max(deadline.getTime(), patience, kept), latestMilliseconds));
}

/** Until when a job that its provider surely does not have is sent: its window and the grace after it was planned. */
export function sendDeadlineOf(
  job: { readonly createdAt: Date; readonly completionWindow: string },
  graceSeconds: number,
): Date {
  const planned = { ...job, submittedAt: job.createdAt, expiresAt: null };
  return deadlineOf(planned, graceSeconds) ?? job.createdAt;
}

/**
 * When a job that was perhaps sent is not looked for any more: when a provider that took it at the last moment would
 * have given up its results. Null for one that was never sent.
 */
export function forgottenAt(
  job: { readonly sendBefore: Date | null; readonly completionWindow: string },
  graceSeconds: number,
): Date | null {
  return abandonedAt(
    { ...job, submittedAt: job.sendBefore, expiresAt: null, resultsExpireAt: null },
    graceSeconds,
  );
}

/** The last moment that a `Date` can hold; a provider may name any. */
const latestMilliseconds = 8.64e15;

const unitSeconds: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400 };
const defaultWindowSeconds = 86_400;

/** How long a window is: minutes, hours or days; one that cannot be read is a day. */
export function windowSeconds(window: string): number {
  const [, digits, unit = ''] = /^(\d{1,6})([mhd])$/.exec(window) ?? [];
  return digits === undefined ? defaultWindowSeconds : Number(digits) * (unitSeconds[unit] ?? 1);
}
