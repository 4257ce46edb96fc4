/**
 * Until when a job may take. A provider that never says that a job is over, or says so in a word that nobody knows,
 * must not keep its batch open for ever. Owned here: the moment. What is done then is `batches/poll-job.ts`.
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

/** The last moment that a `Date` can hold; a provider may name any. */
const latestMilliseconds = 8.64e15;

const unitSeconds: Readonly<Record<string, number>> = { m: 60, h: 3_600, d: 86_400 };
const defaultWindowSeconds = 86_400;

/** How long a window is: minutes, hours or days; one that cannot be read is a day. */
export function windowSeconds(window: string): number {
  const [, digits, unit = ''] = /^(\d{1,6})([mhd])$/.exec(window) ?? [];
  return digits === undefined ? defaultWindowSeconds : Number(digits) * (unitSeconds[unit] ?? 1);
}
