/** Does the work that a held job needs next: sends it, looks for it, polls it or collects it. */
import { releaseLease } from '../db/queries/leases.ts';
import { addTask } from '../db/queries/tasks.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { type JobWork, workOf } from '../domain/job.ts';
import { workerScope } from '../domain/scope.ts';
import { isFinalJob } from '../domain/status.ts';
import { ProviderNotConfiguredError } from '../errors.ts';
import type { Services } from '../services.ts';
import { configured } from './close.ts';
import { collectJob } from './collect-job.ts';
import { collectRunningJob } from './collect-running-job.ts';
import { changeHeldJob } from './held-job.ts';
import type { HeldLease } from './lease.ts';
import { pollJob } from './poll-job.ts';
import { recoverJob } from './recover-job.ts';
import { submitJob } from './submit-job.ts';
import { taskFor } from './work.ts';

const pauseMinutes = 5;

/**
 * Works on the held job if what it needs is among `works`; else hands it to the task that does. A job whose
 * provider cannot be called here (no credentials, or emulated there and real here) waits and says so; so does one
 * that may have been sent with another credential.
 */
export async function workOnJob(
  services: Services,
  works: readonly JobWork[],
  job: JobRow,
  lease: HeldLease,
): Promise<void> {
  const work = workOf(job);
  const { signal } = lease;
  if (work === null || !works.includes(work)) return passOn(services, job, work);
  try {
    const entry = configured(services, job);
    if (isPinned(job, work) && entry.credential !== job.credential)
      return await waitForCredential(services, job);
    const reached = { provider: entry.provider, client: entry.client() };
    await {
      submit: () => submitJob(services, { ...reached, credential: entry.credential }, job, lease),
      recover: () => recoverJob(services, reached, job, signal),
      poll: () => pollJob(services, reached, job, signal),
      collect: () =>
        isFinalJob(job.status)
          ? collectJob(services, reached, job, signal)
          : collectRunningJob(services, reached, job, signal),
    }[work]();
  } catch (error) {
    if (!(error instanceof ProviderNotConfiguredError)) throw error;
    await changeHeldJob(services, job, (_current, { now }) => ({
      event: 'JOB_DELAYED',
      data: { code: 'provider_not_configured' },
      set: {
        errorCode: 'provider_not_configured',
        errorMessage: error.message,
        dueAt: new Date(now.getTime() + pauseMinutes * 60_000),
        leaseUntil: null,
      },
    }));
  }
}

/**
 * Whether only the credential that a job was sent with may do this work. Another account's list does not show what
 * this one's would, and would make an absent job of one that is paid for; asking and reading harm nobody.
 */
const isPinned = (job: JobRow, work: JobWork): boolean =>
  job.intentAt !== null && (work === 'submit' || work === 'recover');

async function waitForCredential(services: Services, job: JobRow): Promise<void> {
  await changeHeldJob(services, job, (_current, { now }) => ({
    event: 'JOB_DELAYED',
    data: { code: 'credential_changed' },
    set: {
      errorCode: 'credential_changed',
      errorMessage:
        'The job was sent with another key or base URL of its provider; it waits until that one is set again.',
      dueAt: new Date(now.getTime() + pauseMinutes * 60_000),
      leaseUntil: null,
    },
  }));
}

async function passOn({ db }: Services, job: JobRow, work: JobWork | null): Promise<void> {
  await db.transaction(async (tx) => {
    await releaseLease(workerScope, tx, job.id, job.leaseEpoch);
    if (work !== null) await addTask(tx, taskFor[work], job.id);
  });
}
