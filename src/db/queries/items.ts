/**
 * Statements on items: adding them, reading them for planning and sending, and pages of them. Their state is
 * never stored: `item-pages.ts` derives it.
 */
import { and, asc, desc, eq, gt, gte, isNotNull, lt, sql } from 'drizzle-orm';
import type { Scope, WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { type ItemRow, items } from '../tables/items.ts';
import { batchInScope } from './scope.ts';

/** Adds items in one statement. A `customId` that the batch has already violates `items_custom_id`. */
export async function insertItems(
  scope: Scope,
  tx: Queryable,
  batch: { id: string; at: Date },
  rows: readonly Omit<ItemRow, 'batchId' | 'createdAt'>[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx.execute(sql`
    insert into items (batch_id, created_at, position, custom_id, endpoint, model, agent_id, bytes, request)
    select ${batch.id}::uuid, ${batch.at.toISOString()}::timestamptz, * from unnest(
      ${sql.param(rows.map((row) => row.position))}::int[],
      ${sql.param(rows.map((row) => row.customId))}::text[],
      ${sql.param(rows.map((row) => row.endpoint))}::text[],
      ${sql.param(rows.map((row) => row.model))}::text[],
      ${sql.param(rows.map((row) => row.agentId))}::text[],
      ${sql.param(rows.map((row) => row.bytes))}::int[],
      ${sql.param(rows.map((row) => row.request))}::text[])
    where ${batchInScope(scope, sql`${batch.id}::uuid`)}`);
}

/** Which of these custom ids the batch has already. */
export async function takenCustomIds(
  scope: Scope,
  db: Queryable,
  batchId: string,
  customIds: readonly string[],
): Promise<Set<string>> {
  const rows = await db
    .select({ customId: items.customId })
    .from(items)
    .where(
      and(
        eq(items.batchId, batchId),
        sql`${items.customId} = any(${sql.param(customIds)}::text[])`,
        batchInScope(scope, items.batchId),
      ),
    );
  return new Set(rows.map((row) => row.customId));
}

/** What splitting needs to know of an item; no body. */
export type ItemMeasure = Pick<ItemRow, 'position' | 'endpoint' | 'model' | 'agentId' | 'bytes'>;

/** The measures of items from `from` on and below `total`, at most `limit`, in order. */
export async function itemMeasures(
  scope: Scope,
  db: Queryable,
  batchId: string,
  range: { from: number; total: number; limit: number },
): Promise<ItemMeasure[]> {
  return db
    .select({
      position: items.position,
      endpoint: items.endpoint,
      model: items.model,
      agentId: items.agentId,
      bytes: items.bytes,
    })
    .from(items)
    .where(
      and(
        eq(items.batchId, batchId),
        gte(items.position, range.from),
        lt(items.position, range.total),
        batchInScope(scope, items.batchId),
      ),
    )
    .orderBy(asc(items.position))
    .limit(range.limit);
}

/** A stored request: what a job sends of it, and what it is estimated by. */
export type ItemBody = Pick<ItemRow, 'position' | 'endpoint' | 'model'> & { readonly request: string };

/** The next requests of a batch at these positions after `after`, in order; none of them may have been removed. */
export async function itemBodies(
  scope: Scope,
  db: Queryable,
  wanted: { batchId: string; positions: string },
  page: { after: number; limit: number },
): Promise<ItemBody[]> {
  return db
    .select({
      position: items.position,
      endpoint: items.endpoint,
      model: items.model,
      request: sql<string>`${items.request}`,
    })
    .from(items)
    .where(
      and(
        eq(items.batchId, wanted.batchId),
        gt(items.position, page.after),
        sql`${items.position} < upper(${wanted.positions}::int4multirange)`,
        sql`${items.position} <@ ${wanted.positions}::int4multirange`,
        batchInScope(scope, items.batchId),
      ),
    )
    .orderBy(asc(items.position))
    .limit(page.limit);
}

/** Which of a job's items is for which agent; where an agent has several, the first. */
export async function agentPositions(
  _worker: WorkerScope,
  db: Queryable,
  job: { batchId: string; positions: string },
): Promise<Map<string, number>> {
  const rows = await db
    .select({ position: items.position, agentId: items.agentId })
    .from(items)
    .where(
      and(
        eq(items.batchId, job.batchId),
        isNotNull(items.agentId),
        sql`${items.position} <@ ${job.positions}::int4multirange`,
      ),
    )
    .orderBy(desc(items.position));
  return new Map(rows.map(({ agentId, position }) => [agentId ?? '', position]));
}

/**
 * The positions of those of these custom ids that a batch has, items that nobody reads yet included; or, with
 * `positions`, that stand among those.
 */
export async function positionsOfCustomIds(
  scope: Scope,
  db: Queryable,
  { batchId, positions }: { readonly batchId: string; readonly positions?: string },
  customIds: readonly string[],
): Promise<Map<string, number>> {
  const rows = await db
    .select({ position: items.position, customId: items.customId })
    .from(items)
    .where(
      and(
        eq(items.batchId, batchId),
        sql`${items.customId} = any(${sql.param(customIds)}::text[])`,
        positions === undefined ? undefined : sql`${items.position} <@ ${positions}::int4multirange`,
        batchInScope(scope, items.batchId),
      ),
    );
  return new Map(rows.map(({ customId, position }) => [customId, position]));
}

/** The models of a batch's items at these positions; items that name none are left out. */
export async function itemModels(
  _worker: WorkerScope,
  db: Queryable,
  batchId: string,
  positions: readonly number[],
): Promise<Map<number, string>> {
  const rows = await db
    .select({ position: items.position, model: items.model })
    .from(items)
    .where(
      and(
        eq(items.batchId, batchId),
        isNotNull(items.model),
        sql`${items.position} = any(${sql.param(positions)}::int[])`,
      ),
    );
  return new Map(rows.map(({ position, model }) => [position, model ?? '']));
}

/** Removes up to `limit` items from the end of a batch, none below `from`; answers how many there were. */
export async function deleteLastItems(
  _worker: WorkerScope,
  tx: Queryable,
  batchId: string,
  { from, limit }: { readonly from: number; readonly limit: number },
): Promise<number> {
  const { rowCount } = await tx.execute(sql`
    delete from items where batch_id = ${batchId}::uuid and position in (
      select position from items where batch_id = ${batchId}::uuid and position >= ${from}
      order by position desc limit ${limit})`);
  return rowCount ?? 0;
}

/** Removes the items of a batch. */
export async function deleteItems(scope: Scope, tx: Queryable, batchId: string): Promise<void> {
  await tx.delete(items).where(and(eq(items.batchId, batchId), batchInScope(scope, items.batchId)));
}
