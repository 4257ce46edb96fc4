/**
 * Exclusion between workers: a lease on a job's row, on the database's clock, because two machines must agree
 * on it. Every lease has a higher epoch than the one before; writes are guarded by it, so that a worker that
 * was stopped past its lease changes nothing when it wakes.
 */
import { and, eq, isNotNull, lte, sql } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { type JobRow, jobs } from '../tables/jobs.ts';

const inSeconds = (seconds: number) => sql`clock_timestamp() + make_interval(secs => ${seconds})`;
const isFree = sql`(${jobs.leaseUntil} is null or ${jobs.leaseUntil} < clock_timestamp())`;

/** Takes the job if its time has come and nobody holds it: the row with its new epoch, else null. */
export async function takeLease(
  _worker: WorkerScope,
  db: Queryable,
  id: string,
  lease: { now: Date; seconds: number },
): Promise<JobRow | null> {
  const [row] = await db
    .update(jobs)
    .set({
      leaseUntil: inSeconds(lease.seconds),
      leaseEpoch: sql`${jobs.leaseEpoch} + 1`,
      // Work that begins now answers every sync asked for so far.
      syncBegun: sql`${jobs.syncRequested}`,
    })
    .where(and(eq(jobs.id, id), isNotNull(jobs.dueAt), lte(jobs.dueAt, lease.now), isFree))
    .returning();
  return row ?? null;
}

/** Prolongs a lease; false where it was lost, or given back while this was on its way. */
export async function renewLease(
  _worker: WorkerScope,
  db: Queryable,
  id: string,
  lease: { epoch: number; seconds: number },
): Promise<boolean> {
  const rows = await db
    .update(jobs)
    .set({ leaseUntil: inSeconds(lease.seconds) })
    .where(and(eq(jobs.id, id), eq(jobs.leaseEpoch, lease.epoch), isNotNull(jobs.leaseUntil)))
    .returning({ id: jobs.id });
  return rows.length === 1;
}

/** Gives a lease back early, where the work ended without writing the job. */
export async function releaseLease(
  _worker: WorkerScope,
  db: Queryable,
  id: string,
  epoch: number,
): Promise<void> {
  await db
    .update(jobs)
    .set({ leaseUntil: null })
    .where(and(eq(jobs.id, id), eq(jobs.leaseEpoch, epoch)));
}

/** Gives a lease back of a job that waits on, and says what for. */
export async function waitOn(
  _worker: WorkerScope,
  db: Queryable,
  id: string,
  { epoch, ...wait }: { epoch: number } & Pick<JobRow, 'dueAt' | 'waitingFor' | 'errorMessage'>,
): Promise<void> {
  await db
    .update(jobs)
    .set({ ...wait, leaseUntil: null })
    .where(and(eq(jobs.id, id), eq(jobs.leaseEpoch, epoch), eq(jobs.status, 'CREATED')));
}

/**
 * Gives a lease back and makes the job due later, where its work ended by a fault of ours. A sync that came meanwhile
 * keeps its own time; a job that is collected has no work left.
 */
export async function postponeJob(
  _worker: WorkerScope,
  db: Queryable,
  id: string,
  later: { epoch: number; failures: number; dueAt: Date },
): Promise<void> {
  const dueAt = sql`case when (${jobs.collected} and ${jobs.providerFiles} <> 'DELETING') or ${jobs.syncRequested} > ${jobs.syncBegun} then ${jobs.dueAt}
    else ${later.dueAt.toISOString()}::timestamptz end`;
  await db
    .update(jobs)
    .set({ leaseUntil: null, failures: later.failures, dueAt })
    .where(and(eq(jobs.id, id), eq(jobs.leaseEpoch, later.epoch)));
}
