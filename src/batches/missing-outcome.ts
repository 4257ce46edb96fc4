/** What becomes of an item for which the provider sent no line, by the fate of its job. */
import type { JobRow } from '../db/tables/jobs.ts';
import { isJsonObject } from '../domain/json-line.ts';
import { type FinalJobStatus, isFinalJob, type ResultStatus } from '../domain/status.ts';

/** An outcome without a provider's line. */
export interface MissingOutcome {
  readonly status: ResultStatus;
  readonly errorCode: string;
  readonly errorMessage: string;
  /** Null where it may still be under way at the provider, whatever we have to say of it. */
  readonly retryable: boolean | null;
}

const byFate = {
  COMPLETED: {
    status: 'ERRORED',
    errorCode: 'missing_result',
    errorMessage: 'The provider ended the job without a result for this request.',
    retryable: true,
  },
  FAILED: {
    status: 'ERRORED',
    errorCode: 'job_failed',
    errorMessage: 'The provider failed the job as a whole.',
    retryable: false,
  },
  EXPIRED: {
    status: 'EXPIRED',
    errorCode: 'job_expired',
    errorMessage: "The provider's window ended before this request was processed.",
    retryable: true,
  },
  CANCELLED: {
    status: 'CANCELLED',
    errorCode: 'cancelled',
    errorMessage: 'The job was cancelled before this request was processed.',
    retryable: true,
  },
} as const satisfies Record<FinalJobStatus, MissingOutcome>;

/** The code of a job that its provider had confirmed and does not know any more. */
export const lostJobCode = 'provider_lost_job';

/** How many times in a row a provider may fail us before we act on what we then take for the truth. */
export const patienceTimes = 20;

/** The code of a job that its provider never ended, long after its time was over. */
export const deadlineCode = 'deadline_passed';

/** The code of a job that a person gave up, because nobody could know what became of it. */
export const givenUpCode = 'given_up';

/** Why we ended a job, or had it stopped, ourselves. It outlives whatever goes wrong with a later call. */
export interface GivenUp {
  readonly code: string;
  readonly message: string;
}

/** What a job's evidence tells of that; null where we did not, or where it completed all the same. */
export function givenUp({ evidence, status }: Pick<JobRow, 'evidence' | 'status'>): GivenUp | null {
  const told = evidence?.['givenUp'];
  if (!isJsonObject(told) || status === 'COMPLETED') return null;
  const { code, message } = told;
  return typeof code === 'string' && typeof message === 'string' ? { code, message } : null;
}

/** What the provider last told of a final job, beside its state. */
export interface LastWord {
  /** Whether its results existed and are no longer kept. */
  readonly gone: boolean;
  /** Whether what the job failed for may pass. */
  readonly mayPass: boolean;
}

/** The outcome of the items that a final job leaves open. */
export function missingOutcome(job: JobRow, { gone, mayPass }: LastWord): MissingOutcome {
  if (!isFinalJob(job.status)) throw new Error('only a final job leaves items open');
  const reason = givenUp(job);
  if (reason !== null) {
    const { code: errorCode, message: errorMessage } = reason;
    // Stopped for being late it is late; stopped for being refused it is refused.
    if (errorCode !== deadlineCode) return { ...byFate.FAILED, errorCode, errorMessage };
    // What was sent, and not ended by its provider, may still be worked on there.
    const mayBeThere = job.status === 'EXPIRED' && job.evidence?.['neverSent'] !== true;
    return { ...byFate.EXPIRED, errorCode, errorMessage, retryable: mayBeThere ? null : true };
  }
  if (gone) {
    return {
      status: 'ERRORED',
      errorCode: 'results_expired',
      errorMessage: 'The provider no longer keeps the results of this job.',
      retryable: true,
    };
  }
  const outcome = byFate[job.status];
  // A job that failed says why; its items say the same.
  if (job.status !== 'FAILED' || job.errorCode === null) return outcome;
  const errorMessage = job.errorMessage ?? outcome.errorMessage;
  return { ...outcome, errorCode: job.errorCode, errorMessage, retryable: mayPass };
}
