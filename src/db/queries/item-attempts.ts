/** Every attempt of an item: the job that held it, and what it brought. Bodies are left out, as in `item-pages.ts`. */
import { sql } from 'drizzle-orm';
import type { ResultCost } from '../../domain/cost.ts';
import type { Scope } from '../../domain/scope.ts';
import type { ItemStatus } from '../../domain/status.ts';
import type { Usage } from '../../domain/usage.ts';
import type { Queryable } from '../client.ts';
import type { ItemPage } from './item-pages.ts';
import { heldStatus, withTriedOf } from './outcome.ts';
import { batchInScope } from './scope.ts';

/** One attempt of an item. Fields of its result are null while it is under way. */
export interface AttemptView extends Usage, ResultCost {
  readonly batchId: string;
  readonly position: number;
  readonly attempt: number;
  readonly status: ItemStatus;
  /** Null where its batch was cancelled while open. */
  readonly jobId: string | null;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly retryable: boolean | null;
  readonly stopReason: string | null;
  readonly finishedAt: Date | null;
}

/** The identity of an item. */
export interface ItemKey {
  readonly batchId: string;
  readonly position: number;
}

const keyRows = (keys: readonly ItemKey[]) =>
  sql`unnest(${sql.param(keys.map((key) => key.batchId))}::uuid[], ${sql.param(keys.map((key) => key.position))}::int[]) as k(batch_id, position)`;

const triedFor = (keys: readonly ItemKey[]) => withTriedOf(keys.map((key) => key.batchId));

// A result without a job is of the only attempt of a batch that was cancelled while open.
const attempts = sql`
  (select id, attempt, status from tried where batch_id = k.batch_id and k.position <@ positions) j
  full join (select * from results where batch_id = k.batch_id and position = k.position) r on r.attempt = j.attempt`;

/** One page of each item's attempts by number. */
export async function attemptPages(
  scope: Scope,
  db: Queryable,
  keys: readonly ItemKey[],
  { limit, order, beyond }: ItemPage,
): Promise<AttemptView[]> {
  const number = sql`coalesce(r.attempt, j.attempt)`;
  const ascending = order === 'ascending';
  const isBeyond =
    beyond === null ? sql`true` : ascending ? sql`${number} > ${beyond}` : sql`${number} < ${beyond}`;
  const { rows } = await db.execute<Record<string, unknown>>(sql`
    ${triedFor(keys)}
    select x.* from ${keyRows(keys)} cross join lateral (
      select k.batch_id as "batchId", k.position, ${number} as attempt, coalesce(r.status, ${heldStatus(sql`j.status`)}) as status,
        coalesce(r.job_id, j.id) as "jobId", r.error_code as "errorCode", r.error_message as "errorMessage", r.retryable,
        r.stop_reason as "stopReason", r.finished_at as "finishedAt",
        r.input_tokens::float8 as "inputTokens", r.output_tokens::float8 as "outputTokens",
        r.cached_input_tokens::float8 as "cachedInputTokens", r.cache_write_input_tokens::float8 as "cacheWriteInputTokens",
        r.reasoning_tokens::float8 as "reasoningTokens", r.cost::text as cost, r.saved::text as saved
      from ${attempts} where ${isBeyond} order by ${number} ${ascending ? sql`asc` : sql`desc`} limit ${limit}) x
    where ${batchInScope(scope, sql`k.batch_id`)}`);
  return rows.map(
    (row) =>
      ({
        ...row,
        finishedAt: row['finishedAt'] === null ? null : new Date(String(row['finishedAt'])),
      }) as AttemptView,
  );
}

/** How many attempts each item has had, the one under way included. */
export async function countAttempts(
  scope: Scope,
  db: Queryable,
  keys: readonly ItemKey[],
): Promise<(ItemKey & { readonly count: number })[]> {
  const { rows } = await db.execute<{ batchId: string; position: number; count: number }>(sql`
    ${triedFor(keys)}
    select k.batch_id as "batchId", k.position, x.count
    from ${keyRows(keys)} cross join lateral (select count(*)::int as count from ${attempts}) x
    where ${batchInScope(scope, sql`k.batch_id`)}`);
  return rows;
}
