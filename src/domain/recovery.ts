/**
 * What becomes of a job whose submission went wrong: after a failed call, and after a search for a batch that
 * a lost answer may have left behind. Both rules serve one promise: nothing is sent again before it is known
 * that nothing was created. Calling and searching are left to the provider's client, moving the job to others.
 */
import type { JobStatus } from './status.ts';

/** What a failure means, in the words of `providers/failure.ts`, which this layer cannot import. */
export type SubmitFailureKind =
  | 'rejected'
  | 'throttled'
  | 'unavailable'
  | 'uncertain'
  | 'expired'
  | 'malformed';

const moveAfterFailure = {
  /** The provider said no, and would say so again. */
  rejected: 'FAILED',
  /** Nothing was created; how often we try is bounded by the batch's deadline, not by a count. */
  throttled: 'CREATED',
  unavailable: 'CREATED',
  /** Something may have been created, and only a search can tell. */
  uncertain: 'UNKNOWN',
  expired: 'UNKNOWN',
  malformed: 'UNKNOWN',
} as const satisfies Record<SubmitFailureKind, JobStatus>;

/** Where a PENDING job goes when the call that submits it failed: given up, tried again later, or looked for. */
export function afterSubmitFailure(kind: SubmitFailureKind): 'FAILED' | 'CREATED' | 'UNKNOWN' {
  return moveAfterFailure[kind];
}

/** How long after its last moment a sending may still come to show. */
export interface SendingTimes {
  /** How long after that a request that had left could still take effect. */
  readonly requestTimeoutSeconds: number;
  /** How long a new batch may be missing from the provider's list. */
  readonly listDelaySeconds: number;
}

/** A sending's last moment. */
interface Sending {
  readonly sendBefore: Date;
}

/** When everything that was sent has arrived, or never will. */
export const sentBy = ({
  sendBefore,
  requestTimeoutSeconds,
}: Sending & Pick<SendingTimes, 'requestTimeoutSeconds'>): Date =>
  new Date(sendBefore.getTime() + requestTimeoutSeconds * 1000);

/** From when on what does not show was never created: all that left before `sendBefore` would have come to show. */
export const absenceCountsAt = (sending: Sending & SendingTimes): Date =>
  new Date(sentBy(sending).getTime() + sending.listDelaySeconds * 1000);

/** A search for a job's batch, finished. */
export interface FinishedSearch extends SendingTimes {
  /**
   * What was found. `EXACT` carries our key; `PROVISIONAL` only fits by time and count. Of a batch that is made in
   * parts some may be missing: it is `unfinished`.
   */
  readonly sightings: ReadonlyArray<{
    readonly proof: 'EXACT' | 'PROVISIONAL';
    readonly unfinished?: unknown;
  }>;
  /** When the search *began*: what it did not show may have come into being while it ran. */
  readonly now: Date;
  /** When the sender stopped sending, whatever happened to it. */
  readonly sendBefore: Date;
  /** How well this provider can be searched at all. */
  readonly recovery: 'EXACT' | 'PROVISIONAL' | 'NONE';
  /** Whether what the provider does not show was never created; false where its list leaves out what is over. */
  readonly absenceProves: boolean;
}

/**
 * Why only a person can tell what became of a job: `duplicates`, more than one batch carries our key; `ambiguous`,
 * several batches fit and time will not narrow them; `unsearchable`, the provider shows nothing that a search could go
 * by.
 */
export const personReasons = ['duplicates', 'ambiguous', 'unsearchable'] as const;
/** Why only a person can tell what became of a job. */
export type PersonReason = (typeof personReasons)[number];

/**
 * Words for what a job was given its batch by while nothing has proven it: by circumstances, or because a person named
 * it. Its results will tell; until then the batch may be another job's.
 */
export const unprovenWords = ['PROVISIONAL', 'PERSON'] as const;

/**
 * What a search comes to:
 * - `adopt`: the sighting at `index` is the job's batch.
 * - `resume`: the sighting at `index` is the job's batch and lacks items; it is safe to send those.
 * - `look-again`: too early to tell; search once more at `at`.
 * - `absent`: nothing was created, and nothing will be; it is safe to send the job again.
 * - `ask-a-person`: nothing that we can do will tell.
 */
export type SearchVerdict =
  | { readonly verdict: 'adopt' | 'resume'; readonly index: number }
  | { readonly verdict: 'look-again'; readonly at: Date }
  | { readonly verdict: 'absent' }
  | { readonly verdict: 'ask-a-person'; readonly reason: PersonReason };

/** How long to wait between two searches, while absence does not count yet. */
const lookAgainSeconds = 30;

/**
 * Judges a search. One batch that carries our key is ours, whatever else fits; one that merely fits is ours
 * when it is the only one, until its results say otherwise. Absence counts from the moment on when a request
 * sent at the last instant would have come to show: `sendBefore`, the request timeout and the list's delay. From
 * then on, too, a batch that lacks items gets no more of them from whoever began it, and can be completed.
 */
export function afterSearch(search: FinishedSearch): SearchVerdict {
  const exact = indexesOf(search.sightings, 'EXACT');
  const candidates = exact.length > 0 ? exact : indexesOf(search.sightings, 'PROVISIONAL');
  const [only, ...others] = candidates;
  const lookAgainAt = beforeAbsenceCounts(search);
  if (only !== undefined && others.length === 0) {
    if (search.sightings[only]?.unfinished === undefined) return { verdict: 'adopt', index: only };
    return lookAgainAt === null
      ? { verdict: 'resume', index: only }
      : { verdict: 'look-again', at: lookAgainAt };
  }
  if (exact.length > 1) return { verdict: 'ask-a-person', reason: 'duplicates' };

  if (only !== undefined) {
    return lookAgainAt === null
      ? { verdict: 'ask-a-person', reason: 'ambiguous' }
      : { verdict: 'look-again', at: lookAgainAt };
  }
  if (search.recovery === 'NONE') return { verdict: 'ask-a-person', reason: 'unsearchable' };
  if (lookAgainAt !== null) return { verdict: 'look-again', at: lookAgainAt };
  return search.absenceProves ? { verdict: 'absent' } : { verdict: 'ask-a-person', reason: 'unsearchable' };
}

/** When to search next if what was not seen may still appear; null when it cannot any more. */
const beforeAbsenceCounts = (search: FinishedSearch): Date | null => {
  const countsAt = absenceCountsAt(search);
  if (search.now >= countsAt) return null;
  return new Date(Math.min(countsAt.getTime(), search.now.getTime() + lookAgainSeconds * 1000));
};

const indexesOf = (sightings: FinishedSearch['sightings'], proof: 'EXACT' | 'PROVISIONAL'): number[] =>
  sightings.flatMap((sighting, index) => (sighting.proof === proof ? [index] : []));
