/**
 * Statements on the turns of jobs that are sent one at a time: the lock that makes one decision at a time about a
 * credential's jobs, across processes, and who is in flight or waits.
 */
import { and, eq, isNotNull, isNull, type SQL, sql } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
import type { Queue } from '../../domain/turn.ts';
import type { Queryable } from '../client.ts';
import { type JobRow, jobs } from '../tables/jobs.ts';
import { addTask } from './tasks.ts';

/** What `error_code` says of a job that waits for its turn. */
export const waitingForTurnCode = 'waiting_for_turn';

/** Whose jobs take turns. */
export type TurnTaker = Pick<JobRow, 'provider' | 'credential'>;

/** The oldest of those that wait; who stands behind so many need not be looked at. */
const waitingMax = 100;

/** Lets nobody else decide about the turns of this credential until the transaction ends. Taken after a batch's lock. */
export async function lockTurns(_worker: WorkerScope, tx: Queryable, taker: TurnTaker): Promise<void> {
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtextextended(${`turn ${taker.provider} ${taker.credential}`}, 0))`,
  );
}

/** A job with what tells its age. */
export type AgedJob = Pick<JobRow, 'id' | 'createdAt' | 'batchId' | 'number'>;

/** Who is in flight on the credential, and who waits; as `job` sees it: without itself and what is younger. */
export async function turnQueue(
  _worker: WorkerScope,
  tx: Queryable,
  taker: TurnTaker,
  job: AgedJob | null,
): Promise<Queue> {
  const ofTaker = and(
    eq(jobs.provider, taker.provider),
    eq(jobs.credential, taker.credential),
    job === null ? undefined : sql`${jobs.id} <> ${job.id}`,
    // Who has nothing due is over, or waits for a person.
    isNotNull(jobs.dueAt),
  );
  const inFlight = await tx
    .select({ status: jobs.status, requestCount: jobs.requestCount, sendBefore: jobs.sendBefore })
    .from(jobs)
    .where(and(ofTaker, sql`${jobs.status} in ('PENDING', 'UNKNOWN')`, isNull(jobs.providerJobId)));
  const waiting = await tx
    .select({ id: jobs.id, requestCount: jobs.requestCount, dueAt: jobs.dueAt })
    .from(jobs)
    .where(
      and(
        ofTaker,
        eq(jobs.status, 'CREATED'),
        eq(jobs.errorCode, waitingForTurnCode),
        job === null ? undefined : isOlderThan(job),
      ),
    )
    .orderBy(jobs.createdAt, jobs.batchId, jobs.number)
    .limit(waitingMax);
  return {
    inFlight: inFlight.flatMap(({ status, sendBefore, ...rest }) =>
      (status === 'PENDING' || status === 'UNKNOWN') && sendBefore !== null
        ? [{ status, sendBefore, ...rest }]
        : [],
    ),
    waiting: waiting.flatMap(({ dueAt, ...rest }) => (dueAt === null ? [] : [{ dueAt, ...rest }])),
  };
}

const isOlderThan = ({ createdAt, batchId, number }: AgedJob): SQL =>
  sql`(${jobs.createdAt}, ${jobs.batchId}, ${jobs.number}) <
    (${createdAt.toISOString()}::timestamptz, ${batchId}::uuid, ${number}::integer)`;

/** Makes a waiting job due now and wakes a worker for it; nothing where it does not wait any more. */
export async function endWait(
  _worker: WorkerScope,
  tx: Queryable,
  id: string,
  { now, task }: { now: Date; task: string },
) {
  const woken = await tx
    .update(jobs)
    .set({ dueAt: sql`least(${jobs.dueAt}, ${now.toISOString()}::timestamptz)` })
    .where(and(eq(jobs.id, id), eq(jobs.status, 'CREATED'), eq(jobs.errorCode, waitingForTurnCode)))
    .returning({ id: jobs.id });
  if (woken.length > 0) await addTask(tx, task, id);
}
