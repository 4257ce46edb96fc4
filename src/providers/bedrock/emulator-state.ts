/**
 * Where a job stands at a given moment: the vendor's word, its counts and its times. Pure: everything follows from
 * what was written when the job was created, and from the clock. Unlike other vendors' jobs, one whose timeout passes
 * is ended by it.
 */
import { type Tally, tally } from '../emulator/endings.ts';
import { isOver, type Life, lifeAt, type Phase } from '../emulator/life.ts';
import type { KeptJob } from './emulator-store.ts';

/** A job at one moment. */
export interface JobState {
  readonly word: string;
  /** Up to when it was worked on. */
  readonly at: Date;
  readonly expiresAt: Date;
  readonly endedAt: Date | null;
  /** When it last changed, as far as phases tell. */
  readonly changedAt: Date;
  /** Whether its records were counted. */
  readonly isCounted: boolean;
  readonly succeeded: number;
  readonly errored: number;
}

/** The job at `now`. */
export function stateAt(job: KeptJob, now: Date): JobState {
  const expiresAt = new Date(Date.parse(job.createdAt) + job.timeoutHours * 60 * 60 * 1000);
  const at = now < expiresAt ? now : expiresAt;
  const life = lifeAt(job, at);
  const counts = tally(job, at);
  const isTimedOut = now >= expiresAt && !isOver(life);
  const word = isTimedOut ? ranOut(counts) : wordFor(job, life, counts, at);
  const endedAt = isTimedOut ? expiresAt : life.endedAt;
  return {
    word,
    at,
    expiresAt,
    endedAt,
    changedAt: endedAt ?? life.cancellingAt ?? life.runningAt ?? new Date(job.createdAt),
    isCounted: life.runningAt !== null || word === 'Scheduled',
    succeeded: counts.succeeded,
    errored: counts.errored + counts.overloaded,
  };
}

const wordFor = (job: KeptJob, life: Life, counts: Tally, at: Date): string =>
  words[life.phase](job, counts, at);

const words = {
  validating: (job, _counts, at) => wordBeforeRunning(job, at),
  running: ({ fates }) => (fates.batch.includes('unknown-status') ? 'Pondering' : 'InProgress'),
  finalizing: () => 'InProgress',
  cancelling: () => 'Stopping',
  cancelled: () => 'Stopped',
  failed: () => 'Failed',
  expired: (_job, counts) => ranOut(counts),
  // A record whose own time ran out was not processed.
  completed: (_job, counts) => (counts.expired > 0 ? ranOut(counts) : 'Completed'),
} as const satisfies Record<Phase, (job: KeptJob, counts: Tally, at: Date) => string>;

/** A third of the time each; a job that is going to fail is found out before it is scheduled. */
const wordBeforeRunning = ({ createdAt, pace, fates }: KeptJob, at: Date): string => {
  const inTurn = fates.batch.includes('job-failed')
    ? ['Submitted', 'Validating']
    : ['Submitted', 'Validating', 'Scheduled'];
  const share = (at.getTime() - Date.parse(createdAt)) / (pace.validatingSeconds * 1000);
  return inTurn[Math.floor(share * inTurn.length)] ?? 'Submitted';
};

const ranOut = ({ succeeded, errored, overloaded }: Tally): string =>
  succeeded + errored + overloaded > 0 ? 'PartiallyCompleted' : 'Expired';
