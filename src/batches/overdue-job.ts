/**
 * What becomes of a job whose time is over and that its provider does not end: it is asked to stop it first, because
 * what runs on is paid for, and only then ended here. One that cannot be asked at all is given up when nobody keeps
 * results that long; one that surely was never sent, as soon as its window is over. Owns these decisions; the moments
 * are `domain/deadline.ts`.
 */
import type { JobRow } from '../db/tables/jobs.ts';
import { abandonedAt, deadlineOf, forgottenAt, sendDeadlineOf } from '../domain/deadline.ts';
import { isFinalJob } from '../domain/status.ts';
import type { ProviderFailure } from '../providers/failure.ts';
import type { Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { isBegun, stoppingWhatIsThere } from './begun-job.ts';
import type { HeldJobChange } from './held-job.ts';
import { deadlineCode, type GivenUp, givenUp, lostJobCode, patienceTimes } from './missing-outcome.ts';
import { storableText } from './storable-text.ts';

/** The change that a provider's answer makes, and what the job's time being over adds to it. */
export function withinDeadline(
  { settings }: Pick<Services, 'settings'>,
  { capabilities }: Provider,
  current: JobRow,
  change: HeldJobChange,
  now: Date,
): HeldJobChange {
  const status = change.set.status ?? current.status;
  const timed = { ...current, expiresAt: change.set.expiresAt ?? current.expiresAt };
  const deadline = deadlineOf(timed, settings.graceSeconds);
  if (isFinalJob(status) || status === 'UNKNOWN' || deadline === null || now < deadline) return change;
  const word = change.set.providerStatus ?? current.providerStatus ?? 'nothing';
  const reason: GivenUp = givenUp(current) ?? {
    code: deadlineCode,
    message: `The provider has not ended the job by ${deadline.toISOString()}; its last word was ${word}.`,
  };
  const evidence = { ...current.evidence, givenUp: { ...reason } };
  if (capabilities.cancel && current.cancelRequestedAt === null) {
    return {
      ...change,
      set: { ...change.set, evidence, cancelRequestedAt: now, dueAt: now, resultsWaiting: false },
    };
  }
  const last = capabilities.cancel
    ? new Date(deadline.getTime() + settings.graceSeconds * 1000)
    : (abandonedAt(timed, settings.graceSeconds) ?? deadline);
  return now < last ? change : ended(change, { evidence, reason, now });
}

/** The change that a failed call makes where it failed too often for it to be made again; else null. */
export function givenUpAfter(
  { settings, providers }: Pick<Services, 'settings' | 'providers'>,
  current: JobRow,
  failure: ProviderFailure,
  now: Date,
): HeldJobChange | null {
  if (!isHopeless({ settings, providers }, current, failure, now)) return null;
  const isLost = isUnknownThere(failure);
  const reason: GivenUp = {
    code: isLost ? lostJobCode : deadlineCode,
    message: storableText(
      `${failure.message} (${failure.code}); so often, and for so long, that it is not asked any more.`,
    ),
  };
  const evidence = { ...current.evidence, givenUp: { ...reason } };
  const change: HeldJobChange = { event: 'JOB_FAILED', set: {} };
  if (!isLost) return ended(change, { evidence, reason, now });
  const { code: errorCode, message: errorMessage } = reason;
  return {
    ...change,
    set: { ...over, status: 'FAILED', failedAt: now, dueAt: now, evidence, errorCode, errorMessage },
  };
}

/**
 * The change of a job that its provider is not known to have, and that `failure` has kept from being sent, or looked
 * for, so often and for so long that it ends; else null. What was surely not created costs nothing and ends with its
 * window; what was perhaps created is looked for as long as its results could be kept.
 */
export function endedUnsent(
  services: Pick<Services, 'settings' | 'providers'>,
  current: JobRow,
  failure: ProviderFailure,
  now: Date,
): HeldJobChange | null {
  const { graceSeconds } = services.settings;
  if (current.providerJobId !== null || current.failures + 1 < patienceTimes) return null;
  const isUnsent = current.status === 'CREATED';
  const end = isUnsent ? sendDeadlineOf(current, graceSeconds) : forgottenAt(current, graceSeconds);
  if (end === null || now < end) return null;
  const what = isUnsent ? 'The job could not be sent' : 'It could not be found out whether the job was sent';
  const message = storableText(`${what} by ${end.toISOString()}: ${failure.message} (${failure.code})`);
  const reason: GivenUp = { code: deadlineCode, message };
  if (isUnsent && isBegun(services, current)) return stoppingWhatIsThere(current, failure, { reason, now });
  const evidence = { ...current.evidence, givenUp: { ...reason }, ...(isUnsent ? { neverSent: true } : {}) };
  return ended({ event: 'JOB_FAILED', set: {} }, { evidence, reason, now });
}

/**
 * Whether it makes no sense to ask again: the provider has said often enough, to the one who sent the job, that it
 * does not know it; or nobody keeps its results any more. A key that is revoked and a network that is down for days are
 * neither: what is paid for waits.
 */
export function isHopeless(
  { settings, providers }: Pick<Services, 'settings' | 'providers'>,
  job: JobRow,
  failure: ProviderFailure,
  now: Date,
): boolean {
  if (job.failures + 1 < patienceTimes) return false;
  const abandoned = abandonedAt(job, settings.graceSeconds);
  if (abandoned !== null && now >= abandoned) return true;
  // An organization's own credential says so itself where it is not the one that the job was sent with.
  const isSender = job.credentialId !== null || providers.find(job.provider)?.credential === job.credential;
  return isSender && isUnknownThere(failure);
}

const isUnknownThere = ({ kind, status }: ProviderFailure): boolean => kind === 'rejected' && status === 404;

const over = { leaseUntil: null, resultsWaiting: false, failures: 0 } as const;

const ended = (
  change: HeldJobChange,
  { evidence, reason, now }: { evidence: NonNullable<JobRow['evidence']>; reason: GivenUp; now: Date },
): HeldJobChange => ({
  ...change,
  set: {
    ...change.set,
    ...over,
    status: 'EXPIRED',
    expiredAt: now,
    dueAt: now,
    evidence,
    errorCode: reason.code,
    errorMessage: reason.message,
  },
});
