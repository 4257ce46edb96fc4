/** Does the work that a held job needs next: sends it, looks for it, polls it, collects it, or has its files deleted. */
import { type CallPurpose, reachFor } from '../credentials/reach.ts';
import { releaseLease } from '../db/queries/leases.ts';
import { addTask } from '../db/queries/tasks.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { type JobWork, workOf } from '../domain/job.ts';
import { workerScope } from '../domain/scope.ts';
import { isFinalJob } from '../domain/status.ts';
import { CredentialUnusableError, ProviderNotConfiguredError } from '../errors.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { Services } from '../services.ts';
import { collectJob, settle } from './collect-job.ts';
import { collectRunningJob } from './collect-running-job.ts';
import { deleteJobFiles, giveUpDeletion } from './delete-job-files.ts';
import { changeHeldJob } from './held-job.ts';
import type { HeldLease } from './lease.ts';
import type { GivenUp } from './missing-outcome.ts';
import { endedUnsent, givenUpAfter, isHopeless } from './overdue-job.ts';
import { pollJob } from './poll-job.ts';
import { recoverJob } from './recover-job.ts';
import { submitJob } from './submit-job.ts';
import { taskFor } from './work.ts';

const pauseMinutes = 5;

/**
 * Works on the held job if what it needs is among `works`; else hands it to the task that does. A job whose
 * provider cannot be called here (no credentials, one that is revoked, emulated there and real here) waits and says so;
 * so does one that may have been sent with another credential.
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
  // What its provider never had is ended without it.
  if (work === 'collect' && job.providerJobId === null)
    return settle(services, job, { gone: false, mayPass: false });
  try {
    const entry = await services.db.read((q) => reachFor(services, q, job, purposeOf[work]));
    if (isPinned(job, work) && entry.credential !== job.credential)
      return await waitForPerson(services, job, credentialChanged);
    const reached = { provider: entry.provider, client: entry.client() };
    await {
      submit: () => submitJob(services, { ...reached, entry }, job, lease),
      recover: () => recoverJob(services, reached, job, signal),
      poll: () => pollJob(services, reached, job, signal),
      collect: () =>
        isFinalJob(job.status)
          ? collectJob(services, reached, job, signal)
          : collectRunningJob(services, reached, job, signal),
      delete: () => deleteJobFiles(services, reached, job, signal),
    }[work]();
  } catch (error) {
    if (error instanceof ProviderNotConfiguredError) {
      await waitForPerson(services, job, { code: 'provider_not_configured', message: error.message });
    } else if (error instanceof CredentialUnusableError) {
      const code = `credential_${error.problem.toLowerCase()}`;
      await waitForPerson(services, job, { code, message: error.message });
    } else throw error;
  }
}

/**
 * Gives the job back until a person has put right what is in its way, as long as that makes sense: what was never sent
 * ends with its window, and nobody keeps results for ever.
 */
async function waitForPerson(services: Services, job: JobRow, { code, message }: GivenUp): Promise<void> {
  if (workOf(job) === 'delete') return giveUpDeletion(services, job, { code, message });
  const failure = new ProviderFailure('unavailable', { code, message });
  if (isFinalJob(job.status) && isHopeless(services, job, failure, services.clock.now())) {
    return settle(services, job, { gone: true, mayPass: false });
  }
  await changeHeldJob(services, job, (current, { now }) => {
    const end = isFinalJob(current.status)
      ? null
      : (endedUnsent(services, current, failure, now) ?? givenUpAfter(services, current, failure, now));
    return (
      end ?? {
        event: 'JOB_DELAYED',
        data: { code },
        set: {
          failures: current.failures + 1,
          errorCode: code,
          errorMessage: message,
          waitingFor: null,
          dueAt: new Date(now.getTime() + pauseMinutes * 60_000),
          leaseUntil: null,
        },
      }
    );
  });
}

/**
 * Whether only the credential that a job was sent with may do this work. Another account's list does not show what
 * this one's would, and would make an absent job of one that is paid for; asking and reading harm nobody. What it does
 * not show would also pass for deleted. What was
 * surely not created, and left nothing there to go on from, may be sent by the credential that an organization says is
 * of the same account.
 */
const isPinned = ({ intentAt, credentialId, checkpoint }: JobRow, work: JobWork): boolean =>
  intentAt !== null &&
  (work === 'recover' ||
    work === 'delete' ||
    (work === 'submit' && (credentialId === null || checkpoint !== null)));

const purposeOf = {
  submit: 'SEND',
  recover: 'FIND',
  poll: 'READ',
  collect: 'READ',
  delete: 'FIND',
} as const satisfies Record<JobWork, CallPurpose>;

const credentialChanged: GivenUp = {
  code: 'credential_changed',
  message:
    'The job was sent with another key or base URL of its provider; it waits until that one is set again.',
};

async function passOn({ db }: Services, job: JobRow, work: JobWork | null): Promise<void> {
  await db.transaction(async (tx) => {
    await releaseLease(workerScope, tx, job.id, job.leaseEpoch);
    if (work !== null) await addTask(tx, taskFor[work], job.id);
  });
}
