/** Statements on batches. Each is one durable statement; what may change when is decided in `batches/`. */
import { and, eq, inArray, isNotNull, lte } from 'drizzle-orm';
import type { Scope, WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { type BatchRow, batches } from '../tables/batches.ts';
import { inScope, owned } from './scope.ts';

/** A new row; everything that starts empty may be left out. */
export type NewBatch = typeof batches.$inferInsert;
/** Columns to change. */
export type BatchPatch = Partial<Omit<NewBatch, 'id' | 'organizationId'>>;

/** Adds a batch. */
export async function insertBatch(scope: Scope, tx: Queryable, row: NewBatch): Promise<void> {
  await tx.insert(batches).values(owned(scope, row));
}

/** The batch; null where the scope has none with this id. */
export async function findBatch(scope: Scope, db: Queryable, id: string): Promise<BatchRow | null> {
  const [row] = await db
    .select()
    .from(batches)
    .where(and(eq(batches.id, id), inScope(scope, batches.organizationId)));
  return row ?? null;
}

/** The batches with these ids that the scope has, in no order. */
export async function findBatches(scope: Scope, db: Queryable, ids: readonly string[]): Promise<BatchRow[]> {
  return db
    .select()
    .from(batches)
    .where(and(inArray(batches.id, [...ids]), inScope(scope, batches.organizationId)));
}

/** The batch, its row locked until the transaction ends; the first lock of every change. */
export async function lockBatch(scope: Scope, tx: Queryable, id: string): Promise<BatchRow | null> {
  const [row] = await tx
    .select()
    .from(batches)
    .where(and(eq(batches.id, id), inScope(scope, batches.organizationId)))
    .for('no key update');
  return row ?? null;
}

/** The same; null as well where somebody else has it locked now. */
export async function lockBatchUnlessBusy(scope: Scope, tx: Queryable, id: string): Promise<BatchRow | null> {
  const [row] = await tx
    .select()
    .from(batches)
    .where(and(eq(batches.id, id), inScope(scope, batches.organizationId)))
    .for('no key update', { skipLocked: true });
  return row ?? null;
}

/** Writes the columns of a locked batch and gives the row as it now is. */
export async function updateBatch(
  scope: Scope,
  tx: Queryable,
  id: string,
  patch: BatchPatch,
): Promise<BatchRow> {
  const [row] = await tx
    .update(batches)
    .set(patch)
    .where(and(eq(batches.id, id), inScope(scope, batches.organizationId)))
    .returning();
  if (row === undefined) throw new Error('a locked batch cannot be missing');
  return row;
}

/** Removes a batch's row. */
export async function deleteBatchRow(scope: Scope, tx: Queryable, id: string): Promise<void> {
  await tx.delete(batches).where(and(eq(batches.id, id), inScope(scope, batches.organizationId)));
}

/** The ids of open batches whose timer has run out. */
export async function batchesDue(
  _worker: WorkerScope,
  db: Queryable,
  now: Date,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .select({ id: batches.id })
    .from(batches)
    .where(and(isNotNull(batches.dueAt), lte(batches.dueAt, now)))
    .orderBy(batches.dueAt)
    .limit(limit);
  return rows.map((row) => row.id);
}
