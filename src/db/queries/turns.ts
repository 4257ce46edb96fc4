/**
 * Statements on the turns of jobs: the lock that makes one decision at a time about a credential's jobs, across
 * processes, what is at the provider, who is in flight, and who waits.
 */
import { and, asc, eq, inArray, isNotNull, isNull, type SQL, sql } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
import type { JobStatus } from '../../domain/status.ts';
import { byTurns, type Queue, type Served } from '../../domain/turn.ts';
import type { Queryable } from '../client.ts';
import { type JobRow, jobs } from '../tables/jobs.ts';
import { addTask } from './tasks.ts';

/** Whose jobs take turns. */
export type TurnTaker = Pick<JobRow, 'provider' | 'credential'>;

/** Of those that wait, those that come first; who stands behind so many need not be looked at. */
const waitingMax = 100;

/** Lets nobody else decide about the turns of this credential until the transaction ends. Taken after a batch's lock. */
export async function lockTurns(_worker: WorkerScope, tx: Queryable, taker: TurnTaker): Promise<void> {
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtextextended(${`turn ${taker.provider} ${taker.credential}`}, 0))`,
  );
}

/** In these states a job is at its provider, or may be. */
const there = ['PENDING', 'UNKNOWN', 'RUNNING', 'CANCELLING'] as const satisfies readonly JobStatus[];

/** Whether a job in this state may be at its provider. */
export const mayBeThere = (status: JobStatus): boolean => there.some((known) => known === status);

const isWaiting = and(eq(jobs.status, 'CREATED'), isNotNull(jobs.waitingFor));

/** What is at the provider with the credential, who is in flight, and who waits; as `job` sees it: without itself and what comes after it. */
export async function turnQueue(
  worker: WorkerScope,
  tx: Queryable,
  taker: TurnTaker,
  job: Pick<JobRow, 'id'> | null,
): Promise<Queue> {
  const ofTaker = and(
    eq(jobs.provider, taker.provider),
    eq(jobs.credential, taker.credential),
    // Who has nothing due is over, or waits for a person.
    isNotNull(jobs.dueAt),
  );
  const others = job === null ? undefined : sql`${jobs.id} <> ${job.id}`;
  const used = await tx
    .select({
      organizationId: jobs.organizationId,
      model: jobs.model,
      jobs: sql<number>`count(*)::int`,
      requestCount: sql<number>`sum(${jobs.requestCount})::int`,
      bytes: sql<string>`sum(${jobs.bytes})`,
    })
    .from(jobs)
    .where(and(ofTaker, others, inArray(jobs.status, there)))
    .groupBy(jobs.organizationId, jobs.model);
  const flying = await tx
    .select({ status: jobs.status, requestCount: jobs.requestCount, sendBefore: jobs.sendBefore })
    .from(jobs)
    .where(and(ofTaker, others, inArray(jobs.status, ['PENDING', 'UNKNOWN']), isNull(jobs.providerJobId)));
  const place =
    sql<number>`(row_number() over (partition by ${jobs.organizationId} order by ${age}) - 1)::int`.as(
      'place',
    );
  const asked = job === null ? isWaiting : sql`(${isWaiting} or ${jobs.id} = ${job.id})`;
  const rows = await tx
    .select({
      id: jobs.id,
      organizationId: jobs.organizationId,
      requestCount: jobs.requestCount,
      bytes: jobs.bytes,
      model: jobs.model,
      dueAt: jobs.dueAt,
      createdAt: jobs.createdAt,
      place,
    })
    .from(jobs)
    .where(and(ofTaker, eq(jobs.status, 'CREATED'), asked))
    .orderBy(sql`place`, age)
    .limit(waitingMax);
  const sentAt = await lastSent(worker, tx, taker, [
    ...new Set(rows.map(({ organizationId }) => organizationId)),
  ]);
  const served = new Map<string, Served>(
    [...sentAt].map(([organizationId, at]) => {
      const own = used.filter((part) => part.organizationId === organizationId);
      return [organizationId, { sentAt: at, jobs: own.reduce((sum, { jobs: count }) => sum + count, 0) }];
    }),
  );
  const inOrder = byTurns(
    rows.flatMap(({ dueAt, ...rest }) => (dueAt === null ? [] : [{ dueAt, ...rest }])),
    served,
  );
  const own = inOrder.findIndex(({ id }) => id === job?.id);
  return {
    inFlight: flying.flatMap(({ status, sendBefore, requestCount }) =>
      (status === 'PENDING' || status === 'UNKNOWN') && sendBefore !== null
        ? [{ status, sendBefore, requestCount }]
        : [],
    ),
    there: used.map(({ bytes, ...rest }) => ({ ...rest, bytes: Number(bytes) })),
    waiting: own === -1 ? inOrder : inOrder.slice(0, own),
  };
}

/** When each of these organizations sent a job with the credential last. */
async function lastSent(
  _worker: WorkerScope,
  tx: Queryable,
  { provider, credential }: TurnTaker,
  organizationIds: readonly string[],
): Promise<Map<string, Date | null>> {
  const { rows } = await tx.execute<{ id: string; at: string | null }>(sql`
    select o.id, (
      select max(j.intent_at) from jobs j
      where j.organization_id = o.id and j.provider = ${provider} and j.credential = ${credential}
    )::text as at
    from unnest(${`{${organizationIds.join(',')}}`}::uuid[]) as o(id)`);
  return new Map(rows.map(({ id, at }) => [id, at === null ? null : new Date(at)]));
}

const age: SQL = sql`${jobs.createdAt}, ${jobs.batchId}, ${jobs.number}`;

/** How a job that waits is woken. */
export interface WakeUp {
  readonly now: Date;
  readonly task: string;
}

/** Makes a waiting job due now and wakes a worker for it; nothing where it does not wait any more. */
export async function endWait(worker: WorkerScope, tx: Queryable, id: string, wake: WakeUp): Promise<void> {
  await wakeAll(worker, tx, sql`${jobs.id} = ${id}`, wake);
}

/**
 * Wakes the oldest that waits with this credential; nothing where none does. It looks for itself whether it can be sent,
 * and wakes whoever is before it.
 */
export async function endSomeWait(
  worker: WorkerScope,
  tx: Queryable,
  { provider, credential }: TurnTaker,
  wake: WakeUp,
): Promise<void> {
  const oldest = tx
    .select({ id: jobs.id })
    .from(jobs)
    .where(
      and(eq(jobs.provider, provider), eq(jobs.credential, credential), isNotNull(jobs.dueAt), isWaiting),
    )
    .orderBy(asc(jobs.createdAt), asc(jobs.batchId), asc(jobs.number))
    .limit(1);
  await wakeAll(worker, tx, sql`${jobs.id} = (${oldest})`, wake);
}

async function wakeAll(
  _worker: WorkerScope,
  tx: Queryable,
  which: SQL,
  { now, task }: WakeUp,
): Promise<void> {
  const woken = await tx
    .update(jobs)
    .set({ dueAt: sql`least(${jobs.dueAt}, ${now.toISOString()}::timestamptz)` })
    .where(and(which, isWaiting))
    .returning({ id: jobs.id });
  for (const { id } of woken) await addTask(tx, task, id);
}
