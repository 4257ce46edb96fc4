/**
 * Statements that remove the bodies of batches that were kept long enough, a piece at a time. Rows stay, with all that
 * is counted of them.
 */
import { eq, sql } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { batches } from '../tables/batches.ts';

/** When a batch ended, in the very words of the index `batches_kept`; null while it is not over. */
const whenOver = sql`coalesce(completed_at, failed_at, expired_at, cancelled_at)`;

/** The ids of batches whose removal is under way, and of those that ended at `before` or earlier, the earliest first. */
export async function batchesToRemove(
  _worker: WorkerScope,
  db: Queryable,
  before: Date | null,
  limit: number,
): Promise<string[]> {
  const begun = sql`select id from batches where removal_position is not null order by id limit ${limit}`;
  const kept = sql`select id from batches where results_removed_at is null and ${whenOver} <= ${before?.toISOString()}::timestamptz
    order by ${whenOver} limit ${limit}`;
  const { rows } = await db.execute<{ id: string }>(
    before === null ? begun : sql`(${begun}) union all (${kept}) limit ${limit}`,
  );
  return rows.map(({ id }) => id);
}

/** How much one piece is at the most: so many requests, or the first of them that have so many bytes together. */
export interface RemovalPiece {
  readonly rows: number;
  readonly bytes: number;
}

/** The position behind the next piece of a batch from `from` on; null where there is none. */
export async function endOfPiece(
  _worker: WorkerScope,
  tx: Queryable,
  batchId: string,
  { from, rows, bytes }: RemovalPiece & { readonly from: number },
): Promise<number | null> {
  const {
    rows: [row],
  } = await tx.execute<{ end: number | null }>(sql`
    select max(position) + 1 as end from (
      select position, sum(bytes) over (order by position) - bytes as before from (
        select position, bytes from items where batch_id = ${batchId}::uuid and position >= ${from}
        order by position limit ${rows}) piece) reach
    where before < ${bytes}`);
  return row?.end ?? null;
}

/** Removes the bodies of a batch from one position up to another, those of all attempts. */
export async function removeBodies(
  _worker: WorkerScope,
  tx: Queryable,
  batchId: string,
  { from, end }: { readonly from: number; readonly end: number },
): Promise<void> {
  const within = sql`batch_id = ${batchId}::uuid and position >= ${from} and position < ${end}`;
  await tx.execute(sql`update items set request = null where ${within} and request is not null`);
  await tx.execute(sql`update results set response = null where ${within} and response is not null`);
}

/** Empties some lines of a batch that belong to no item; answers how many. */
export async function removeStrayLines(
  _worker: WorkerScope,
  tx: Queryable,
  batchId: string,
  limit: number,
): Promise<number> {
  const { rowCount } = await tx.execute(sql`
    update strays set line = '' where (job_id, digest) in (
      select job_id, digest from strays where batch_id = ${batchId}::uuid and line <> '' limit ${limit})`);
  return rowCount ?? 0;
}

/** Says how far the removal of a locked batch has come; null where nothing is left. */
export async function moveRemoval(
  _worker: WorkerScope,
  tx: Queryable,
  batchId: string,
  position: number | null,
): Promise<void> {
  await tx.update(batches).set({ removalPosition: position }).where(eq(batches.id, batchId));
}
