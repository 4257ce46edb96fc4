/** Statements on what failed and is tried again. Which of it, is `domain/retry.ts`. */
import { sql } from 'drizzle-orm';
import type { RetrySelection } from '../../domain/retry.ts';
import type { Scope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import type { ItemMeasure } from './items.ts';
import { isOutcome, withHeldOf } from './outcome.ts';
import { batchInScope } from './scope.ts';

/** How many requests stop counting as what they had become. */
export interface ReopenedCounts {
  readonly errored: number;
  readonly expired: number;
  readonly cancelled: number;
}

/** Where a reading of failed items goes on. */
export interface FailedPage {
  /** Only these positions; null for all. */
  readonly among: readonly number[] | null;
  readonly after: number;
  readonly limit: number;
}

/** The measures of the batch's failed items that are meant, in the caller's order. */
export async function failedMeasures(
  scope: Scope,
  db: Queryable,
  batchId: string,
  { status, errorCode, onlyRetryable }: RetrySelection,
  { among, after, limit }: FailedPage,
): Promise<ItemMeasure[]> {
  const { rows } = await db.execute<{ [K in keyof ItemMeasure]: ItemMeasure[K] }>(sql`
    ${withHeldOf([batchId])}
    select i.position, i.endpoint, i.model, i.agent_id as "agentId", i.bytes
    from batches bt join results r on r.batch_id = bt.id
    join items i on i.batch_id = r.batch_id and i.position = r.position
    where bt.id = ${batchId}::uuid and r.error_code is not null and r.position > ${after}
      and r.status = any(${sql.param(status)}::text[])
      ${errorCode === null ? sql`` : sql`and r.error_code = any(${sql.param(errorCode)}::text[])`}
      ${onlyRetryable ? sql`and r.retryable` : sql``}
      ${among === null ? sql`` : sql`and r.position = any(${sql.param(among)}::int[])`}
      and ${isOutcome} and ${batchInScope(scope, sql`bt.id`)}
    order by r.position limit ${limit}`);
  return rows;
}

/** How many of these items, all of which failed, ended in which way. */
export async function countFailed(
  scope: Scope,
  db: Queryable,
  batchId: string,
  positions: string,
): Promise<ReopenedCounts> {
  const {
    rows: [row],
  } = await db.execute<{ [K in keyof ReopenedCounts]: ReopenedCounts[K] }>(sql`
    ${withHeldOf([batchId])}
    select count(*) filter (where r.status = 'ERRORED')::int as errored,
           count(*) filter (where r.status = 'EXPIRED')::int as expired,
           count(*) filter (where r.status = 'CANCELLED')::int as cancelled
    from batches bt join results r on r.batch_id = bt.id
    where bt.id = ${batchId}::uuid and r.error_code is not null and r.position <@ ${positions}::int4multirange
      and ${isOutcome} and ${batchInScope(scope, sql`bt.id`)}`);
  if (row === undefined) throw new Error('an aggregate answers one row');
  return row;
}
