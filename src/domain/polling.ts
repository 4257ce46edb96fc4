/**
 * When to ask a provider again: the pace of polling a job that goes well, and the pauses after calls that
 * failed. Owns the numbers; randomness and the present moment are handed in, and asking is left to others.
 */

/** How fast polling slows down. */
export interface PollSchedule {
  /** The wait of a young job. */
  readonly firstSeconds: number;
  /** The wait as a share of the job's age: 0.5 asks at ages 10, 15, 22, … */
  readonly growth: number;
  /** The wait of an old job. */
  readonly maxSeconds: number;
  /** How far chance moves a wait either way, as a share of it, so that many jobs do not ask at once. */
  readonly jitter: number;
}

/** Every 5 seconds at first, hourly from an age of two hours on, give or take a tenth. */
export const defaultPollSchedule: PollSchedule = {
  firstSeconds: 5,
  growth: 0.5,
  maxSeconds: 3600,
  jitter: 0.1,
};

/**
 * When to poll a job next. The wait grows with the age of the job, so that short jobs are seen early and long
 * ones cost few calls; `retryAt`, the provider's own word, can only make it later. `random` is in [0, 1).
 */
export function nextPollAt(
  schedule: PollSchedule,
  job: {
    readonly submittedAt: Date;
    readonly now: Date;
    readonly retryAt: Date | null;
    readonly random: number;
  },
): Date {
  const ageSeconds = (job.now.getTime() - job.submittedAt.getTime()) / 1000;
  const grownSeconds = Math.max(schedule.firstSeconds, ageSeconds * schedule.growth);
  const waitSeconds = jittered(Math.min(grownSeconds, schedule.maxSeconds), schedule.jitter, job.random);
  const pollAt = job.now.getTime() + Math.ceil(waitSeconds * 1000);
  return new Date(Math.max(pollAt, job.retryAt?.getTime() ?? pollAt));
}

const backoffMaxSeconds = 300;
const backoffJitter = 0.1;

/**
 * How many seconds to pause after a call failed: 1, 2, 4, … up to 300, give or take a tenth. `failures` counts
 * those in a row, the latest included; `random` is in [0, 1).
 */
export function backoff({
  failures,
  random,
}: {
  readonly failures: number;
  readonly random: number;
}): number {
  return jittered(Math.min(2 ** (failures - 1), backoffMaxSeconds), backoffJitter, random);
}

/** A pause that chance in [0, 1) moves either way, by up to `jitter` as a share of it. */
export const jittered = (seconds: number, jitter: number, random: number): number =>
  seconds * (1 + jitter * (2 * random - 1));
