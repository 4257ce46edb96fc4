/**
 * Sends one job to its provider, once. The intent is written first, the provider is called, its answer is
 * written: a crash or a lost answer in between leaves a job that is looked for (`recover-job.ts`) and never
 * simply sent again. Owns this order; which failure means what is `domain/recovery.ts`.
 */

import type { ReachedProvider } from '../credentials/reach.ts';
import { maySend } from '../db/queries/credentials.ts';
import { saveCheckpoint } from '../db/queries/jobs.ts';
import { releaseLease } from '../db/queries/leases.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { afterSubmitFailure } from '../domain/recovery.ts';
import { workerScope } from '../domain/scope.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { Provider, ProviderClient, SubmitPorts } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { isBegun, stoppingWhatIsThere } from './begun-job.ts';
import { changeHeldJob, type HeldJobChange, tryAgainLater } from './held-job.ts';
import { jobItems } from './job-items.ts';
import { patchFromReport, submissionOf } from './job-report.ts';
import type { HeldLease } from './lease.ts';
import { endedUnsent } from './overdue-job.ts';
import { sendingGuard } from './sending-guard.ts';
import { storableText } from './storable-text.ts';
import { LeaseLostError } from './transition.ts';
import { passTurn, waitingForTurn, waitsOn } from './turn.ts';

/** A provider, as whom it is called, and the calls. */
interface Reached {
  readonly provider: Provider;
  readonly client: ProviderClient;
  readonly entry: Pick<ReachedProvider, 'credential' | 'credentialId' | 'callback'>;
}

/** Sends the held, CREATED job through `client`. Throws only what is not the provider's. */
export async function submitJob(
  services: Services,
  { provider, client, entry }: Reached,
  job: JobRow,
  lease: HeldLease,
): Promise<void> {
  if (await waitsOn(services, provider, { ...job, credential: entry.credential ?? job.credential })) return;
  const sending = await writeIntent(services, provider, job, entry);
  if (sending === null) {
    // Somebody was faster, or it is another's turn; what the job needs now is not this.
    await services.db.read((q) => releaseLease(workerScope, q, job.id, job.leaseEpoch));
    return;
  }
  try {
    const { providerJobId, report } = await client.submit(
      submissionOf(sending),
      ports(services, sending, lease),
    );
    await changeHeldJob(services, sending, (current, { now }) => ({
      event: 'JOB_SUBMITTED',
      set: {
        providerJobId,
        ...patchFromReport(services, current, report, { now, random: Math.random() }),
        // A wish to cancel that came while it was being sent can be passed on now.
        ...(current.cancelRequestedAt === null ? {} : { dueAt: now }),
      },
    }));
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    await changeHeldJob(services, sending, (current, { now }) => failedChange(services, current, error, now));
  }
  await passTurn(services, provider, sending);
}

/** Writes down that the job is about to be sent; null where it need not be any more, or has to wait for its turn. */
async function writeIntent(
  services: Services,
  provider: Provider,
  job: JobRow,
  entry: Reached['entry'],
): Promise<JobRow | null> {
  let sending: JobRow | null = null;
  await changeHeldJob(services, job, async (current, moment) => {
    if (current.status !== 'CREATED') return null;
    // Revoked since it was reached: whoever takes the job next says so on it.
    const { credentialId } = entry;
    if (credentialId !== null && !(await maySend(workerScope, moment.tx, credentialId))) return null;
    const credential = entry.credential ?? current.credential;
    const waiting = await waitingForTurn(services, provider, { ...current, credential }, moment);
    if (waiting !== null) return waiting;
    const { now } = moment;
    const callback = entry.callback(current.nonce);
    const intent = {
      status: 'PENDING',
      credential,
      intentAt: now,
      sendBefore: new Date(now.getTime() + services.settings.sendSeconds * 1000),
      callbackToken: callback?.token ?? null,
      callbackUrl: callback?.url ?? null,
      // Due at once for whoever finds it without a holder: its sender is dead then.
      dueAt: now,
      errorCode: null,
      errorMessage: null,
      waitingFor: null,
    } as const;
    sending = { ...current, ...intent };
    return { event: 'JOB_SENDING', set: intent };
  });
  return sending;
}

function ports(services: Services, job: JobRow, lease: HeldLease): SubmitPorts {
  return {
    items: () => jobItems(services.db, job),
    async saveCheckpoint(checkpoint) {
      const saved = await services.db.read((q) =>
        saveCheckpoint(workerScope, q, job.id, job.leaseEpoch, checkpoint),
      );
      if (!saved) throw new LeaseLostError();
    },
    signal: AbortSignal.any([lease.signal, AbortSignal.timeout(services.settings.sendSeconds * 1000)]),
    guard: sendingGuard(services, job, lease),
  };
}

/** What becomes of a call that failed. */
function failedChange(
  services: Pick<Services, 'settings' | 'providers'>,
  current: JobRow,
  failure: ProviderFailure,
  now: Date,
): HeldJobChange {
  const next = afterSubmitFailure(failure.kind);
  const begun = isBegun(services, current);
  if (next === 'FAILED' && begun) {
    const reason = { code: storableText(failure.code), message: storableText(failure.message) };
    return stoppingWhatIsThere(current, failure, { reason, now });
  }
  if (next === 'CREATED' && current.cancelRequestedAt === null) {
    const unsent = endedUnsent(services, { ...current, status: next }, failure, now);
    if (unsent !== null) return unsent;
  }
  // A part of it that is at the provider must be found and stopped there.
  const status = next === 'CREATED' && begun && current.cancelRequestedAt !== null ? 'UNKNOWN' : next;
  const later = tryAgainLater(current, failure, now);
  const changes = {
    // Nothing was created; where nobody wants it any more, nothing will be.
    CREATED:
      current.cancelRequestedAt === null
        ? { ...later, set: { ...later.set, status } }
        : { ...later, set: { ...later.set, status: 'CANCELLED', cancelledAt: now, dueAt: now } },
    FAILED: {
      ...later,
      event: 'JOB_FAILED',
      set: { ...later.set, status, failedAt: now, dueAt: now },
    },
    UNKNOWN: {
      ...later,
      event: 'JOB_UNKNOWN',
      set: {
        ...later.set,
        status,
        dueAt: now,
        evidence: { ...current.evidence, lostAnswer: storableText(failure.code) },
      },
    },
  } as const satisfies Record<typeof status, HeldJobChange>;
  return changes[status];
}
