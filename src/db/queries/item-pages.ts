/**
 * Pages of items with what became of them. Their state is derived (`outcome.ts`): the result of
 * their newest attempt, else the state of its job, else pending. Bodies are left out; `itemRequests` and `itemResponses` load
 * those that are asked for.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { ResultCost } from '../../domain/cost.ts';
import type { Scope } from '../../domain/scope.ts';
import type { ItemStatus } from '../../domain/status.ts';
import type { Usage } from '../../domain/usage.ts';
import type { Queryable } from '../client.ts';
import { isOutcome, itemStatus, outcome, withHeldOf } from './outcome.ts';
import { batchInScope } from './scope.ts';

/** An item as callers see it, without its bodies. */
export interface ItemView extends Usage, ResultCost {
  readonly batchId: string;
  readonly position: number;
  readonly customId: string;
  readonly endpoint: string;
  readonly model: string | null;
  readonly agentId: string | null;
  readonly bytes: number;
  readonly createdAt: Date;
  readonly status: ItemStatus;
  readonly jobId: string | null;
  /** The newest attempt that has a result; null while there is none. */
  readonly attempt: number | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly retryable: boolean | null;
  readonly stopReason: string | null;
  readonly finishedAt: Date | null;
}

/** Which items a list shows. */
export interface ItemFilter {
  readonly status?: readonly ItemStatus[] | null | undefined;
  readonly errorCode?: readonly string[] | null | undefined;
}

/** Where a page of items starts and which way it goes. */
export interface ItemPage {
  readonly limit: number;
  readonly order: 'ascending' | 'descending';
  /** The position that the page lies beyond. */
  readonly beyond: number | null;
}

const view = sql`
  i.batch_id as "batchId", i.position, i.custom_id as "customId", i.endpoint, i.model, i.agent_id as "agentId", i.bytes, i.created_at as "createdAt",
  ${itemStatus} as status,
  coalesce(r.job_id, j.id) as "jobId", r.attempt, r.error_code as "errorCode", r.error_message as "errorMessage",
  r.retryable, r.stop_reason as "stopReason", r.finished_at as "finishedAt",
  r.input_tokens::float8 as "inputTokens", r.output_tokens::float8 as "outputTokens",
  r.cached_input_tokens::float8 as "cachedInputTokens", r.cache_write_input_tokens::float8 as "cacheWriteInputTokens",
  r.reasoning_tokens::float8 as "reasoningTokens", r.cost::text as cost, r.saved::text as saved`;

const failed: readonly ItemStatus[] = ['ERRORED', 'EXPIRED', 'CANCELLED'];

/**
 * One page of each batch's items by position. First the places are found, each in a stretch of one index that is in order
 * already, and only then is anything joined to them. Each batch and each value is written out as its own, so that
 * Postgres sees the one partition that it lies in: it would otherwise sort what it takes for a few rows. `offset 0` keeps
 * it from reading items along with the places instead of at them.
 */
export async function itemPages(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
  filter: ItemFilter,
  page: ItemPage,
): Promise<ItemView[]> {
  if (batchIds.length === 0) return [];
  const direction = page.order === 'ascending' ? sql`asc` : sql`desc`;
  const places = batchIds.map((batchId) => placesIn(batchId, filter, page));
  const { rows } = await db.execute<Record<string, unknown>>(sql`
    ${withHeldOf(batchIds)}, places as materialized (${unionOf(places)})
    select ${view} from places p join batches bt on bt.id = p.batch_id and ${batchInScope(scope, sql`bt.id`)}
    cross join lateral (select * from items where batch_id = p.batch_id and position = p.position offset 0) i ${outcome}
    order by p.batch_id, p.position ${direction}`);
  return rows.map(toView);
}

/** The places of a batch's page. Those of failures are looked for among results, where each state and code has its own. */
function placesIn(batchId: string, { status, errorCode }: ItemFilter, page: ItemPage): SQL {
  const compare = page.order === 'ascending' ? sql`>` : sql`<`;
  const direction = page.order === 'ascending' ? sql`asc` : sql`desc`;
  const inOrder = (position: SQL) => sql`order by ${position} ${direction} limit ${page.limit}`;
  const among = (row: SQL) => sql`
    ${row}.batch_id = ${batchId}::uuid and bt.id = ${batchId}::uuid and ${row}.position < bt.total
    and ${page.beyond === null ? sql`true` : sql`${row}.position ${compare} ${page.beyond}`}`;
  const isAny = (column: SQL, values: readonly string[]) =>
    sql`${column} = any(${sql.param(values)}::text[])`;
  if (!errorCode && !status?.every((each) => failed.includes(each))) {
    return sql`(select i.batch_id, i.position from batches bt cross join items i ${status ? outcome : sql``}
      where ${among(sql`i`)} and ${status ? isAny(itemStatus, status) : sql`true`} ${inOrder(sql`i.position`)})`;
  }
  const column = errorCode ? sql`r.error_code` : sql`r.status`;
  const each = [...new Set<string>(errorCode ?? status)].map(
    (value) => sql`(select r.batch_id, r.position from batches bt cross join results r
      where ${among(sql`r`)} and r.error_code is not null and ${column} = ${value} and ${isOutcome}
        and ${errorCode && status ? isAny(sql`r.status`, status) : sql`true`} ${inOrder(sql`r.position`)})`,
  );
  return sql`(select * from (${unionOf(each)}) e ${inOrder(sql`e.position`)})`;
}

const unionOf = (selections: readonly SQL[]): SQL => sql.join([...selections], sql` union all `);

/** Items by identity, in no order; those that are not (yet) visible are left out. */
export async function findItemViews(
  scope: Scope,
  db: Queryable,
  keys: readonly { batchId: string; position: number }[],
): Promise<ItemView[]> {
  const { rows } = await db.execute<Record<string, unknown>>(sql`
    ${withHeldOf(keys.map((key) => key.batchId))}
    select ${view}
    from unnest(${sql.param(keys.map((key) => key.batchId))}::uuid[], ${sql.param(keys.map((key) => key.position))}::int[]) as k(batch_id, position)
    join items i on i.batch_id = k.batch_id and i.position = k.position
    join batches bt on bt.id = i.batch_id and i.position < bt.total and ${batchInScope(scope, sql`bt.id`)}
    ${outcome}`);
  return rows.map(toView);
}

/** Items by the caller's own id, in no order. */
export async function findItemViewsByCustomId(
  scope: Scope,
  db: Queryable,
  keys: readonly { batchId: string; customId: string }[],
): Promise<ItemView[]> {
  const { rows } = await db.execute<Record<string, unknown>>(sql`
    ${withHeldOf(keys.map((key) => key.batchId))}
    select ${view}
    from unnest(${sql.param(keys.map((key) => key.batchId))}::uuid[], ${sql.param(keys.map((key) => key.customId))}::text[]) as k(batch_id, custom_id)
    join items i on i.batch_id = k.batch_id and i.custom_id = k.custom_id
    join batches bt on bt.id = i.batch_id and i.position < bt.total and ${batchInScope(scope, sql`bt.id`)}
    ${outcome}`);
  return rows.map(toView);
}

/** How many items of each batch match, for the batches asked. */
export async function countItems(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
  filter: ItemFilter,
): Promise<Map<string, number>> {
  const { rows } = await db.execute<{ id: string; count: number }>(sql`
    ${withHeldOf(batchIds)}
    select bt.id, count(*)::int as count
    from batches bt join items i on i.batch_id = bt.id and i.position < bt.total ${outcome}
    where bt.id = any(${sql.param(batchIds)}::uuid[]) and ${batchInScope(scope, sql`bt.id`)}
      ${filter.status ? sql`and ${itemStatus} = any(${sql.param(filter.status)}::text[])` : sql``}
      ${filter.errorCode ? sql`and r.error_code = any(${sql.param(filter.errorCode)}::text[])` : sql``}
    group by bt.id`);
  return new Map(rows.map((row) => [row.id, row.count]));
}

/** The bodies of items by position; one of a batch whose bodies are removed is left out. */
export async function itemRequests(
  scope: Scope,
  db: Queryable,
  keys: readonly { batchId: string; position: number }[],
): Promise<{ batchId: string; position: number; request: string }[]> {
  const { rows } = await db.execute<{ batchId: string; position: number; request: string }>(sql`
    select i.batch_id as "batchId", i.position, i.request
    from unnest(${sql.param(keys.map((key) => key.batchId))}::uuid[], ${sql.param(keys.map((key) => key.position))}::int[]) as k(batch_id, position)
    join items i on i.batch_id = k.batch_id and i.position = k.position and ${batchInScope(scope, sql`i.batch_id`)}
    join batches bt on bt.id = i.batch_id and bt.results_removed_at is null`);
  return rows;
}

/** The identity of a result. */
export interface ResultKey {
  readonly batchId: string;
  readonly position: number;
  readonly attempt: number;
}

/** The provider's lines for results; one without a line is left out, and one of a batch whose bodies are removed. */
export async function itemResponses(
  scope: Scope,
  db: Queryable,
  keys: readonly ResultKey[],
): Promise<(ResultKey & { readonly response: string })[]> {
  const { rows } = await db.execute<ResultKey & { response: string; [column: string]: unknown }>(sql`
    select r.batch_id as "batchId", r.position, r.attempt, r.response
    from unnest(${sql.param(keys.map((key) => key.batchId))}::uuid[], ${sql.param(keys.map((key) => key.position))}::int[],
      ${sql.param(keys.map((key) => key.attempt))}::int[]) as k(batch_id, position, attempt)
    join results r on r.batch_id = k.batch_id and r.position = k.position and r.attempt = k.attempt
      and ${batchInScope(scope, sql`r.batch_id`)}
    join batches bt on bt.id = r.batch_id and bt.results_removed_at is null
    where r.response is not null`);
  return rows;
}

/** Items that finished, in the order in which their results were committed. */
export interface FinishedItem extends ItemView {
  /** The batch's event that brought the result. */
  readonly seq: number;
}

/**
 * The next results of a batch after (seq, position), at most `limit`. An item that is tried again has not finished: it
 * comes with the result of its next attempt.
 */
export async function finishedItems(
  scope: Scope,
  db: Queryable,
  batchId: string,
  after: { seq: number; position: number },
  limit: number,
): Promise<FinishedItem[]> {
  const { rows } = await db.execute<Record<string, unknown>>(sql`
    ${withHeldOf([batchId])}
    select ${view}, r.seq
    from batches bt join results r on r.batch_id = bt.id
    join items i on i.batch_id = r.batch_id and i.position = r.position
    left join jobs j on j.id = r.job_id
    where ${isOutcome} and r.batch_id = ${batchId}::uuid and (r.seq, r.position) > (${after.seq}::int, ${after.position}::int)
      and ${batchInScope(scope, sql`bt.id`)}
    order by r.seq, r.position limit ${limit}`);
  return rows.map((row) => ({ ...toView(row), seq: Number(row['seq']) }));
}

/** The driver leaves times of hand-written statements as text. */
const toView = (row: Record<string, unknown>): ItemView =>
  ({
    ...row,
    createdAt: new Date(String(row['createdAt'])),
    finishedAt: row['finishedAt'] === null ? null : new Date(String(row['finishedAt'])),
  }) as ItemView;
