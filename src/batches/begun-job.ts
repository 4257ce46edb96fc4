/**
 * A job that goes to its provider in parts and broke off between two of them: what is there runs and is paid for, so
 * that it is never simply given up. Owns how that is told, and what stops it.
 */
import type { JobRow } from '../db/tables/jobs.ts';
import type { ProviderFailure } from '../providers/failure.ts';
import type { Services } from '../services.ts';
import { type HeldJobChange, tryAgainLater } from './held-job.ts';
import type { GivenUp } from './missing-outcome.ts';

/** Whether a part of the job may be at its provider, as what an earlier try has saved tells. */
export const isBegun = ({ providers }: Pick<Services, 'providers'>, job: JobRow): boolean =>
  job.checkpoint !== null && providers.find(job.provider)?.provider.capabilities.resumable === true;

/**
 * What is there is found, stopped and collected, and `reason` is that of all that has no result then: a later part was
 * refused, or could not be sent in time.
 */
export function stoppingWhatIsThere(
  current: JobRow,
  failure: ProviderFailure,
  { reason, now }: { readonly reason: GivenUp; readonly now: Date },
): HeldJobChange {
  const later = tryAgainLater(current, failure, now);
  return {
    ...later,
    event: 'JOB_UNKNOWN',
    set: {
      ...later.set,
      status: 'UNKNOWN',
      dueAt: now,
      cancelRequestedAt: current.cancelRequestedAt ?? now,
      evidence: { ...current.evidence, givenUp: { ...reason } },
    },
  };
}
