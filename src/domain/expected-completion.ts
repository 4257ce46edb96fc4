/**
 * When a job is likely to be done, from how long others like it took. Owns the rule and its numbers; which jobs are
 * alike, and how long they took, is handed in.
 */

/** A job that completed: how many requests it had, and how long its provider took from accepting it to its end. */
export interface MeasuredRun {
  readonly requestCount: number;
  readonly seconds: number;
}

/** A job that is not over. */
export interface UnfinishedJob {
  readonly requestCount: number;
  /** When its provider accepted it; null while it waits to be sent. */
  readonly submittedAt: Date | null;
}

/** Fewer runs tell nothing. */
export const runsMin = 3;
/** How many of the runs nearest in size are asked. */
const runsAsked = 9;

/**
 * When the job will be done if it takes as long as the middle one of those of about its size, or of those that took
 * longer than it has by now; one that waits is taken to be sent now. Null where too few were measured, and where it has
 * taken longer than any of them.
 */
export function expectedCompletion(
  { requestCount, submittedAt }: UnfinishedJob,
  runs: readonly MeasuredRun[],
  now: Date,
): Date | null {
  if (runs.length < runsMin) return null;
  const begunAt = submittedAt ?? now;
  const elapsedSeconds = (now.getTime() - begunAt.getTime()) / 1000;
  const distance = (run: MeasuredRun) => Math.abs(Math.log(run.requestCount / requestCount));
  const seconds = runs
    .filter((run) => run.seconds > elapsedSeconds)
    .toSorted((one, other) => distance(one) - distance(other))
    .slice(0, runsAsked)
    .map((run) => run.seconds)
    .toSorted((one, other) => one - other);
  const middle = seconds[Math.floor(seconds.length / 2)];
  return middle === undefined ? null : new Date(begunAt.getTime() + middle * 1000);
}

/** The last of several moments; null where one of them is not known, or there is none. */
export function lastOf(moments: readonly (Date | null)[]): Date | null {
  const times = moments.map((moment) => moment?.getTime() ?? Number.NaN);
  const last = Math.max(...times);
  return Number.isFinite(last) ? new Date(last) : null;
}
