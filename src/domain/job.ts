/**
 * The life of a job as data: its states, the moves between them, and what a job in each state needs next.
 *
 *                    surely not created
 *              ┌──────────────────────────┐
 *              ▼        intent            │  confirmed
 *   plan ──▶ CREATED ───────────────▶ PENDING ─────────▶ RUNNING ───▶ CANCELLING
 *              ▲ │                    │   ▲                ▲ │            ▲ │
 *              │ │        answer lost │   │ found          │ │            │ │
 *              │ │                    ▼   │                │ │            │ │
 *              └─│───────────────── UNKNOWN ───────────────┴─│────────────┘ │
 *        absent  │                     │  found in any state │              │
 *                ▼                     ▼                     ▼              ▼
 *             never sent        COMPLETED   FAILED   CANCELLED   EXPIRED (final)
 *
 * PENDING reaches CANCELLING and every final state too, when a provider says so at once; RUNNING and CANCELLING
 * go back to UNKNOWN when a job that was adopted by circumstances turns out to be another's. Owned here: what
 * may follow what. Left to others: making a move (`batches/transition`), what a lost answer comes to
 * (`recovery.ts`).
 */
import type { ProviderFilesState } from './provider-files.ts';
import { type FinalJobStatus, isFinalJob, type JobStatus } from './status.ts';

/** Where a job may go from each state. A retry is a new job, so nothing leads out of a final state. */
export const jobEdges = {
  CREATED: [
    'PENDING', // The intent to send it is written down; from here on it may exist at the provider.
    'FAILED', // It can never be sent, such as when its credential is gone.
    'CANCELLED', // Its batch was cancelled before its turn came.
    'EXPIRED', // Its window passed before it could be sent.
  ],
  PENDING: [
    'CREATED', // The provider surely created nothing (throttled, never reached); it is sent again later.
    'UNKNOWN', // The answer was lost, or its sender died before writing one down.
    'RUNNING', // The provider confirmed it and works on it.
    'CANCELLING', // The provider confirmed it and already stops it.
    'COMPLETED', // The provider finished it before we looked.
    'FAILED', // The provider refused it, or found it invalid.
    'CANCELLED', // The provider stopped it before we looked.
    'EXPIRED', // The provider's window ended before it began, or ours before it could be sent.
  ],
  UNKNOWN: [
    'CREATED', // It is proven absent, or a person says so; it is sent again.
    'PENDING', // It was found, and the provider still validates it.
    'RUNNING', // It was found at work.
    'CANCELLING', // It was found being stopped.
    'COMPLETED', // It was found finished.
    'FAILED', // It was found failed, or a person gave it up.
    'CANCELLED', // It was found stopped, or is absent and its batch was cancelled.
    'EXPIRED', // It was found expired, or could not be looked for until nobody keeps its results.
  ],
  RUNNING: [
    'UNKNOWN', // It was adopted by circumstances, and its results prove it to be somebody else's, or nothing will.
    'CANCELLING', // The provider was asked to stop and has not yet.
    'COMPLETED', // The provider finished it.
    'FAILED', // The provider gave it up as a whole.
    'CANCELLED', // The provider stopped it before we saw it stopping.
    'EXPIRED', // The provider's window ended; some items may have results.
  ],
  CANCELLING: [
    'UNKNOWN', // As above: somebody else's.
    'COMPLETED', // It finished before the cancellation reached it.
    'FAILED', // The provider gave it up as a whole.
    'CANCELLED', // The provider stopped it; some items may have results.
    'EXPIRED', // The provider's window ended before it stopped.
  ],
  COMPLETED: [],
  FAILED: [],
  CANCELLED: [],
  EXPIRED: [],
} as const satisfies Record<Exclude<JobStatus, FinalJobStatus>, readonly JobStatus[]> &
  Record<FinalJobStatus, readonly []>;

/** Whether a job may go from one state to another. Staying is not a move. */
export function mayMove(from: JobStatus, to: JobStatus): boolean {
  const targets: readonly JobStatus[] = jobEdges[from];
  return targets.includes(to);
}

/** How far a job has come in its provider's hands. Final states tie, so that the first one stays. */
const lateness = {
  CREATED: 0,
  UNKNOWN: 0,
  PENDING: 1,
  RUNNING: 2,
  CANCELLING: 3,
  COMPLETED: 4,
  FAILED: 4,
  CANCELLED: 4,
  EXPIRED: 4,
} as const satisfies Record<JobStatus, number>;

/**
 * The state of a job after its provider reported one: the later of the two. Null (a word we do not know) and a
 * step back change nothing, a final state stays, and so does CREATED, of which no provider can know anything.
 */
export function advance(current: JobStatus, reported: JobStatus | null): JobStatus {
  if (reported === null || current === 'CREATED') return current;
  return lateness[reported] > lateness[current] ? reported : current;
}

/** Whether the items of a job in this state count as PENDING; in every other as SUBMITTED, until they have a result. */
export function itemsArePending(status: JobStatus): boolean {
  return status === 'CREATED';
}

/**
 * The kinds of work on a job: `submit` sends it, `recover` finds out whether it was sent, `poll` asks how it is
 * doing, `collect` copies its results: those that wait while it still runs, and at its end all of them, when every
 * item without one is given an outcome by the job's fate; `delete` has the provider delete what it keeps of the job, once
 * that was asked for and every result is here.
 */
export type JobWork = 'submit' | 'recover' | 'poll' | 'collect' | 'delete';

/**
 * The work that a job needs next; null when nothing is left to do. Ask under the job's lease: a PENDING job
 * without a provider's id is then one whose sender is dead. A job that failed before it existed is collected
 * too, which settles its items.
 */
export function workOf(job: {
  readonly status: JobStatus;
  readonly providerJobId: string | null;
  /** Whether every result was copied and every item of the job has one. */
  readonly collected: boolean;
  /** Whether results are there to be copied although it still runs. */
  readonly resultsWaiting: boolean;
  readonly providerFiles: ProviderFilesState;
}): JobWork | null {
  if (isFinalJob(job.status) && job.collected) return job.providerFiles === 'DELETING' ? 'delete' : null;
  if (isFinalJob(job.status)) return 'collect';
  if (job.resultsWaiting && (job.status === 'RUNNING' || job.status === 'CANCELLING')) return 'collect';
  if (job.status === 'PENDING' && job.providerJobId === null) return 'recover';
  return workByStatus[job.status];
}

const workByStatus = {
  CREATED: 'submit',
  PENDING: 'poll',
  UNKNOWN: 'recover',
  RUNNING: 'poll',
  CANCELLING: 'poll',
} as const satisfies Record<Exclude<JobStatus, FinalJobStatus>, JobWork>;
