/**
 * Statements on what callback URLs are told. A sender holds the delivery's row by a lease on the database's clock,
 * as a worker holds a job's; what it writes is guarded by the lease's epoch.
 */
import { and, asc, eq, inArray, isNotNull, lte, sql } from 'drizzle-orm';
import type { CallbackOutcome, CallbackVerdict } from '../../domain/callback-schedule.ts';
import type { Scope, WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { type DeliveryRow, deliveries, deliveryAttempts } from '../tables/deliveries.ts';
import { inScope, owned } from './scope.ts';

const isFree = sql`(${deliveries.leaseUntil} is null or ${deliveries.leaseUntil} < clock_timestamp())`;

/** Adds a delivery. */
export async function insertDelivery(
  scope: Scope,
  tx: Queryable,
  row: typeof deliveries.$inferInsert,
): Promise<void> {
  await tx.insert(deliveries).values(owned(scope, row));
}

/** The ids of deliveries whose time has come and which nobody holds. */
export async function deliveriesDue(
  _worker: WorkerScope,
  db: Queryable,
  now: Date,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .select({ id: deliveries.id })
    .from(deliveries)
    .where(and(isNotNull(deliveries.dueAt), lte(deliveries.dueAt, now), isFree))
    .orderBy(asc(deliveries.dueAt))
    .limit(limit);
  return rows.map(({ id }) => id);
}

/** The delivery, its row locked, if its time has come and nobody holds it or is about to; else null. */
export async function lockDueDelivery(
  _worker: WorkerScope,
  tx: Queryable,
  id: string,
  now: Date,
): Promise<DeliveryRow | null> {
  const [row] = await tx
    .select()
    .from(deliveries)
    .where(and(eq(deliveries.id, id), isNotNull(deliveries.dueAt), lte(deliveries.dueAt, now), isFree))
    .for('no key update', { skipLocked: true });
  return row ?? null;
}

/** A locked delivery with one more attempt begun, held for so many seconds, and due at `dueAt` if its sender dies. */
export async function holdDelivery(
  _worker: WorkerScope,
  tx: Queryable,
  id: string,
  hold: { readonly at: Date; readonly dueAt: Date; readonly seconds: number },
): Promise<DeliveryRow> {
  const [row] = await tx
    .update(deliveries)
    .set({
      attempts: sql`${deliveries.attempts} + 1`,
      sentAt: hold.at,
      statusCode: null,
      error: null,
      dueAt: hold.dueAt,
      leaseUntil: sql`clock_timestamp() + make_interval(secs => ${hold.seconds})`,
      leaseEpoch: sql`${deliveries.leaseEpoch} + 1`,
    })
    .where(eq(deliveries.id, id))
    .returning();
  if (row === undefined) throw new Error('a locked delivery cannot be missing');
  return row;
}

/** Notes that a held delivery's newest attempt begins. */
export async function insertAttempt(
  _worker: WorkerScope,
  tx: Queryable,
  { id, attempts, organizationId }: DeliveryRow,
  at: Date,
): Promise<void> {
  await tx.insert(deliveryAttempts).values({ deliveryId: id, number: attempts, organizationId, at });
}

/**
 * Gives a held delivery back with what its attempt came to; false where the lease was lost, or the batch deleted, and
 * nothing was written. Where it was asked for again meanwhile, that stays due whatever this attempt came to.
 */
export async function settleDelivery(
  _worker: WorkerScope,
  tx: Queryable,
  held: DeliveryRow,
  { outcome, verdict }: { outcome: CallbackOutcome; verdict: CallbackVerdict },
): Promise<boolean> {
  const undisturbed = sql`${deliveries.dueAt} = ${held.dueAt?.toISOString()}::timestamptz`;
  const dueAt = verdict.dueAt?.toISOString() ?? null;
  const rows = await tx
    .update(deliveries)
    .set({
      status: sql`case when ${undisturbed} then ${verdict.status} else 'PENDING' end`,
      dueAt: sql`case when ${undisturbed} then ${dueAt}::timestamptz else ${deliveries.dueAt} end`,
      statusCode: outcome.statusCode,
      error: outcome.error,
      leaseUntil: null,
    })
    .where(and(eq(deliveries.id, held.id), eq(deliveries.leaseEpoch, held.leaseEpoch)))
    .returning({ id: deliveries.id });
  return rows.length === 1;
}

/** Writes what an attempt came to. */
export async function finishAttempt(
  _worker: WorkerScope,
  tx: Queryable,
  { id, attempts }: DeliveryRow,
  { statusCode, error, at }: Pick<CallbackOutcome, 'statusCode' | 'error'> & { readonly at: Date },
): Promise<void> {
  await tx
    .update(deliveryAttempts)
    .set({ finishedAt: at, statusCode, error })
    .where(and(eq(deliveryAttempts.deliveryId, id), eq(deliveryAttempts.number, attempts)));
}

/** Makes the newest delivery of a batch due, whatever became of it; its id, or null where there is none. */
export async function wakeNewestDelivery(
  scope: Scope,
  tx: Queryable,
  batchId: string,
  now: Date,
): Promise<string | null> {
  const newest = sql`(select max(seq) from deliveries where batch_id = ${batchId})`;
  const [row] = await tx
    .update(deliveries)
    .set({ status: 'PENDING', dueAt: now })
    .where(
      and(
        eq(deliveries.batchId, batchId),
        eq(deliveries.seq, newest),
        inScope(scope, deliveries.organizationId),
      ),
    )
    .returning({ id: deliveries.id });
  return row?.id ?? null;
}

/** The newest delivery of each of these batches that has one. */
export async function newestDeliveries(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
): Promise<DeliveryRow[]> {
  return db
    .selectDistinctOn([deliveries.batchId])
    .from(deliveries)
    .where(and(inArray(deliveries.batchId, [...batchIds]), inScope(scope, deliveries.organizationId)))
    .orderBy(deliveries.batchId, sql`${deliveries.seq} desc`);
}

/**
 * Removes what was told of a batch. Two statements, because a sender that begins an attempt holds the delivery's row:
 * the attempt that it began is seen only by the second.
 */
export async function deleteDeliveries(scope: Scope, tx: Queryable, batchId: string): Promise<void> {
  const gone = await tx
    .delete(deliveries)
    .where(and(eq(deliveries.batchId, batchId), inScope(scope, deliveries.organizationId)))
    .returning({ id: deliveries.id });
  const ids = gone.map(({ id }) => id);
  await tx
    .delete(deliveryAttempts)
    .where(and(inArray(deliveryAttempts.deliveryId, ids), inScope(scope, deliveryAttempts.organizationId)));
}
