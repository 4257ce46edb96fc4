/**
 * Work on one job by one worker. Takes the lease, keeps it alive while the work runs, tells the work to stop
 * when it is lost, and turns whatever goes wrong unexpectedly into a later try. What the work is, is its own.
 */
import { startStopwatch } from '../clock.ts';
import { postponeJob, renewLease, takeLease } from '../db/queries/leases.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { backoff } from '../domain/polling.ts';
import { workerScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';
import { LeaseLostError } from './transition.ts';

/** A lease, as the work under it sees it. */
export interface HeldLease {
  /** Aborts when the lease is known to be lost, and when the work is to stop. */
  readonly signal: AbortSignal;
  /**
   * Whether it may have run out by now, whatever has been heard of it: a process that was stopped hears nothing, and
   * goes on where it was. Writes need not ask, they are guarded by the epoch; what nobody can take back must.
   */
  readonly mayBeLost: () => boolean;
}

/** What a worker does with a job that it holds. Every write must carry the job's `leaseEpoch`. */
export type LeasedWork = (job: JobRow, lease: HeldLease) => Promise<void>;

/**
 * Runs `work` on the job if its time has come and nobody else holds it; otherwise does nothing, because whoever
 * holds it, or the sweep, will see what is due. A failure of the work is logged and tried again later; throws only
 * where the database cannot be reached, and then the lease runs out by itself.
 */
export async function withLease(
  services: Services,
  jobId: string,
  stop: AbortSignal,
  work: LeasedWork,
): Promise<void> {
  const { db, clock, settings, log } = services;
  const seconds = settings.leaseSeconds;
  // From before the statement left: the database's time was no earlier when it wrote.
  let sinceRenewal = startStopwatch();
  const job = await db.read((q) => takeLease(workerScope, q, jobId, { now: clock.now(), seconds }));
  if (job === null) return;
  const epoch = job.leaseEpoch;
  const lost = new AbortController();
  const heartbeat = setInterval(
    () => {
      const sinceThis = startStopwatch();
      db.read((q) => renewLease(workerScope, q, jobId, { epoch, seconds })).then(
        (held) => {
          if (!held) lost.abort(new LeaseLostError());
          else if (sinceThis() < sinceRenewal()) sinceRenewal = sinceThis;
        },
        // The next beat tries again; if none succeeds, the lease runs out and its epoch guards every write.
        (error: unknown) => log.warn({ jobId, err: error }, 'a lease could not be renewed'),
      );
    },
    (seconds * 1000) / 3,
  );
  try {
    const mayBeLost = () => lost.signal.aborted || sinceRenewal() >= seconds;
    await work(job, { signal: AbortSignal.any([stop, lost.signal]), mayBeLost });
  } catch (error) {
    if (error instanceof LeaseLostError) log.info({ jobId }, 'another worker took over the job');
    else await postpone(services, job, error);
  } finally {
    clearInterval(heartbeat);
  }
}

/** Leaves the job as it is and due again after a pause. */
async function postpone({ db, clock, log }: Services, job: JobRow, error: unknown): Promise<void> {
  log.error({ jobId: job.id, err: error }, 'work on a job failed and will be tried again');
  const failures = job.failures + 1;
  const dueAt = new Date(clock.now().getTime() + backoff({ failures, random: Math.random() }) * 1000);
  await db.read((q) => postponeJob(workerScope, q, job.id, { epoch: job.leaseEpoch, failures, dueAt }));
}
