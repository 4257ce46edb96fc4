/**
 * `cancelBatch`: stops what has not been computed yet. Work that is done is kept and stays billed: results that
 * a provider already has are collected like any others.
 */
import type { Queryable } from '../db/client.ts';
import { jobsOfBatch } from '../db/queries/jobs.ts';
import { settleMissing } from '../db/queries/results.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { isFinalJob, isTerminalBatch } from '../domain/status.ts';
import { addTallies, type Tally } from '../domain/tally.ts';
import type { Services } from '../services.ts';
import type { BatchChange, JobChange } from './batch-change.ts';
import { isBegun } from './begun-job.ts';
import { type LockedBatch, transition } from './transition.ts';

/**
 * The batch: CANCELLED at once where nothing was sent, else CANCELLING until the provider has stopped. Safe to
 * call again, and on a finished batch, which is answered as it is. Throws `NotFoundError`.
 */
export async function cancelBatch(
  services: Services,
  scope: OrganizationScope,
  batchId: string,
): Promise<BatchRow> {
  return services.db.transaction((tx) =>
    transition(services, scope, tx, batchId, async (locked) => {
      const { batch } = locked;
      if (isTerminalBatch(batch.status) || batch.cancellingAt !== null) return null;
      return batch.closedAt === null
        ? cancelOpen(scope, tx, locked)
        : cancelClosed(services, scope, tx, locked);
    }),
  );
}

/** How many jobs of a batch that is being cancelled go on, because their provider cannot stop them. */
export async function jobsGoingOn(
  { db, providers }: Services,
  scope: OrganizationScope,
  batch: BatchRow,
): Promise<number> {
  if (batch.cancellingAt === null || providers.find(batch.provider)?.provider.capabilities.cancel === true)
    return 0;
  const jobs = await db.read((q) => jobsOfBatch(scope, q, batch.id));
  return jobs.filter(({ status }) => !isFinalJob(status)).length;
}

const cancelledOutcome = {
  status: 'CANCELLED',
  errorCode: 'cancelled',
  errorMessage: 'The batch was cancelled before this request was sent.',
  retryable: true,
} as const;

async function cancelOpen(
  scope: OrganizationScope,
  tx: Queryable,
  { batch, seq, now }: LockedBatch,
): Promise<BatchChange> {
  const origin = { batchId: batch.id, jobId: null, attempt: 1, seq, at: now };
  const positions = batch.total === 0 ? '{}' : `{[0,${batch.total})}`;
  const tally = await settleMissing(scope, tx, origin, { positions, ...cancelledOutcome });
  return {
    event: 'CANCEL_REQUESTED',
    batch: { closedAt: now, cancellingAt: now, dueAt: null },
    settled: { tally, from: 'pending' },
  };
}

async function cancelClosed(
  services: Services,
  scope: OrganizationScope,
  tx: Queryable,
  { batch, jobs, seq, now }: LockedBatch,
): Promise<BatchChange> {
  const canCancel = services.providers.find(batch.provider)?.provider.capabilities.cancel ?? false;
  const changes: JobChange[] = [];
  const tallies: Tally[] = [];
  for (const job of jobs) {
    if (job.status === 'CREATED' && isBegun(services, job)) {
      // A part of it is at the provider; it is looked for, and stopped there.
      changes.push({ job, set: { status: 'PENDING', cancelRequestedAt: now, dueAt: now } });
    } else if (job.status === 'CREATED') {
      const origin = { batchId: batch.id, jobId: job.id, attempt: job.attempt, seq, at: now };
      tallies.push(await settleMissing(scope, tx, origin, { positions: job.positions, ...cancelledOutcome }));
      changes.push({
        job,
        set: { status: 'CANCELLED', cancelledAt: now, collected: true, ...filesAfterCancel(job, now) },
      });
    } else if (!isFinalJob(job.status)) {
      // Kept also where the provider cannot stop: a job that turns out not to exist is then not sent again.
      changes.push({ job, set: { cancelRequestedAt: now, ...(canCancel ? wakeIfPolled(job, now) : {}) } });
    }
  }
  return {
    event: 'CANCEL_REQUESTED',
    batch: { cancellingAt: now },
    jobs: changes,
    settled: { tally: addTallies(tallies), from: 'submitted' },
  };
}

/** What an earlier try to send it has left at its provider is deleted, where that was asked for. */
const filesAfterCancel = ({ providerFiles, checkpoint }: JobRow, now: Date) =>
  providerFiles === 'DELETING' && checkpoint === null
    ? { providerFiles: 'KEPT' as const, dueAt: null }
    : { dueAt: providerFiles === 'DELETING' ? now : null };

/**
 * A job that is being sent or looked for keeps its own time; the wish waits until it is known. One that runs is stopped
 * before its results are copied any further.
 */
const wakeIfPolled = (job: JobRow, now: Date) =>
  job.providerJobId === null ? {} : { dueAt: now, resultsWaiting: false };
