/**
 * Statements on results. The rows that an insert really made are what is counted, so a line that is read twice
 * counts once by construction.
 */
import { and, eq, sql } from 'drizzle-orm';
import type { ResultCost } from '../../domain/cost.ts';
import type { Scope, WorkerScope } from '../../domain/scope.ts';
import type { ResultStatus } from '../../domain/status.ts';
import type { Usage } from '../../domain/usage.ts';
import { arrayText, textList } from '../arrays.ts';
import type { Queryable } from '../client.ts';
import { type ResultRow, results } from '../tables/results.ts';
import { isOutcome, withHeldOf } from './outcome.ts';
import { batchInScope } from './scope.ts';
import { spentBy } from './spend.ts';

/** What an insert added: how many of each outcome, and the sums of their tokens and costs. */
export interface Tally extends Usage, ResultCost {
  readonly succeeded: number;
  readonly errored: number;
  readonly expired: number;
  readonly cancelled: number;
  /** How many of those that succeeded have no known cost. */
  readonly unpriced: number;
}

/** A result without what the statement itself supplies, and the model that its request names. */
export type NewResult = Omit<ResultRow, 'batchId' | 'attempt' | 'jobId' | 'seq' | 'finishedAt'> & {
  readonly model: string | null;
};

/** What the results of one statement share. */
export interface ResultOrigin {
  readonly batchId: string;
  readonly jobId: string | null;
  readonly attempt: number;
  readonly seq: number;
  readonly at: Date;
}

const tallied = sql`
  select count(*) filter (where status = 'SUCCEEDED')::int as succeeded,
         count(*) filter (where status = 'ERRORED')::int as errored,
         count(*) filter (where status = 'EXPIRED')::int as expired,
         count(*) filter (where status = 'CANCELLED')::int as cancelled,
         sum(input_tokens)::float8 as "inputTokens",
         sum(output_tokens)::float8 as "outputTokens",
         sum(cached_input_tokens)::float8 as "cachedInputTokens",
         sum(cache_write_input_tokens)::float8 as "cacheWriteInputTokens",
         sum(reasoning_tokens)::float8 as "reasoningTokens",
         sum(cost)::text as cost, sum(saved)::text as saved,
         count(*) filter (where status = 'SUCCEEDED' and cost is null)::int as unpriced
  from fresh`;
const counted = sql`returning position, status, input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens, reasoning_tokens,
  cost, saved`;

/**
 * Adds results; those whose (batch, position, attempt) is there already stay as they are and do not count. What the
 * others cost goes into the organization's spend by the same statement.
 */
export async function insertResults(
  _worker: WorkerScope,
  tx: Queryable,
  origin: ResultOrigin,
  rows: readonly NewResult[],
): Promise<Tally> {
  const column = <K extends keyof NewResult>(name: K) => sql.param(arrayText(rows.map((row) => row[name])));
  return firstTally(
    await tx.execute(sql`
      with fresh as (
        insert into results (batch_id, job_id, attempt, seq, finished_at, position, status, error_code, error_message,
          retryable, stop_reason, input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens,
          reasoning_tokens, cost, saved, response)
        select ${origin.batchId}::uuid, ${origin.jobId}::uuid, ${origin.attempt}::int, ${origin.seq}::int,
          ${origin.at.toISOString()}::timestamptz, *
        from unnest(${column('position')}::int[], ${column('status')}::text[], ${column('errorCode')}::text[],
          ${column('errorMessage')}::text[], ${column('retryable')}::bool[], ${column('stopReason')}::text[],
          ${column('inputTokens')}::bigint[], ${column('outputTokens')}::bigint[],
          ${column('cachedInputTokens')}::bigint[], ${column('cacheWriteInputTokens')}::bigint[],
          ${column('reasoningTokens')}::bigint[], ${column('cost')}::numeric[], ${column('saved')}::numeric[],
          ${textList(rows.map((row) => row.response))})
        on conflict do nothing
        ${counted}),
      ${spentBy(origin, new Map(rows.map(({ position, model }) => [position, model])))}
      ${tallied}`),
  );
}

/** Gives every item of `positions` that has no result in this attempt the same one, and no response. */
export async function settleMissing(
  scope: Scope,
  tx: Queryable,
  origin: ResultOrigin,
  missing: {
    positions: string;
    status: ResultStatus;
    errorCode: string;
    errorMessage: string;
    retryable: boolean | null;
  },
): Promise<Tally> {
  return firstTally(
    await tx.execute(sql`
      with fresh as (
        insert into results (batch_id, job_id, attempt, seq, finished_at, position, status, error_code, error_message, retryable)
        select ${origin.batchId}::uuid, ${origin.jobId}::uuid, ${origin.attempt}::int, ${origin.seq}::int,
          ${origin.at.toISOString()}::timestamptz, p, ${missing.status}, ${missing.errorCode}, ${missing.errorMessage},
          ${missing.retryable}::bool
        from unnest(${missing.positions}::int4multirange) as r, generate_series(lower(r), upper(r) - 1) as p
        where ${batchInScope(scope, sql`${origin.batchId}::uuid`)}
        on conflict do nothing
        ${counted})
      ${tallied}`),
  );
}

function firstTally({ rows: [row] }: { rows: Record<string, unknown>[] }): Tally {
  if (row !== undefined) return row as { [K in keyof Tally]: Tally[K] };
  throw new Error('an aggregate answers one row');
}

/** How many results a job has brought. */
export async function countJobResults(
  _worker: WorkerScope,
  db: Queryable,
  job: { id: string; batchId: string },
): Promise<number> {
  return db.$count(results, and(eq(results.batchId, job.batchId), eq(results.jobId, job.id)));
}

/** Removes the results of a batch. */
export async function deleteResults(scope: Scope, tx: Queryable, batchId: string): Promise<void> {
  await tx.delete(results).where(and(eq(results.batchId, batchId), batchInScope(scope, results.batchId)));
}

/** Failures of one kind in a batch. */
export interface ErrorGroup {
  readonly batchId: string;
  readonly code: string;
  readonly count: number;
  /** The message of the first item that met it. */
  readonly message: string | null;
  /** The first such item. */
  readonly samplePosition: number;
}

/** Codes are a provider's own words; however many it finds, a list stays one that can be read. */
const errorGroupsMax = 100;

/**
 * The failures of batches by code, most frequent first, at most a hundred of each batch; an item that is tried
 * again counts by its newest attempt, and not at all while that is under way.
 */
export async function errorGroups(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
): Promise<ErrorGroup[]> {
  const { rows } = await db.execute<{ [K in keyof ErrorGroup]: ErrorGroup[K] }>(sql`
    ${withHeldOf(batchIds)}
    select "batchId", code, count, message, "samplePosition" from (
      select batch_id as "batchId", error_code as code, count(*)::int as count,
             (array_agg(error_message order by position))[1] as message, min(position) as "samplePosition",
             row_number() over (partition by batch_id order by count(*) desc, error_code) as place
      from results r join (select id, attempts from batches) bt on bt.id = r.batch_id
      where batch_id = any(${sql.param(batchIds)}::uuid[]) and error_code is not null and ${isOutcome}
        and ${batchInScope(scope, sql`r.batch_id`)}
      group by batch_id, error_code) as ranked
    where place <= ${errorGroupsMax} order by "batchId", place`);
  return rows;
}
