/**
 * What organizations spend by day, provider and model. Owned here: how new results are added to it, in the very
 * transaction that stores them, and how it is read. A batch that is deleted leaves what it cost.
 */
import { and, asc, between, type SQL, sql } from 'drizzle-orm';
import type { Decimal } from '../../domain/decimal.ts';
import type { Day } from '../../domain/month.ts';
import type { OrganizationScope, WorkerScope } from '../../domain/scope.ts';
import { isSpent as isSpentTally, type Tally } from '../../domain/tally.ts';
import type { Usage } from '../../domain/usage.ts';
import type { Queryable } from '../client.ts';
import { spend } from '../tables/spend.ts';
import { inScope } from './scope.ts';

/** The results that cost something, used something, or should have. */
export const isSpent = sql`(status = 'SUCCEEDED' or cost is not null or
  coalesce(input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens, reasoning_tokens) is not null)`;

/** The sums of a group of results, in the order of the table's columns. */
export const spendSums = sql`
  count(*) filter (where status = 'SUCCEEDED')::int as succeeded,
  count(*) filter (where status = 'SUCCEEDED' and cost is null)::int as unpriced,
  sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
  sum(cached_input_tokens)::bigint as cached_input_tokens,
  sum(cache_write_input_tokens)::bigint as cache_write_input_tokens,
  sum(reasoning_tokens)::bigint as reasoning_tokens, sum(cost) as cost, sum(saved) as saved`;

/** What is known of both together; null where neither is. */
const added = (column: string): SQL =>
  sql.raw(`${column} = case when s.${column} is null and excluded.${column} is null then null
    else coalesce(s.${column}, 0) + coalesce(excluded.${column}, 0) end`);

/**
 * Adds what results came to, by the models of their requests, to what their batch's organization spent on that day.
 * Belongs into the transaction that stores them.
 */
export async function addSpend(
  _worker: WorkerScope,
  tx: Queryable,
  { batchId, at }: { readonly batchId: string; readonly at: Date },
  models: ReadonlyMap<string | null, Tally>,
): Promise<void> {
  const spent = [...models].filter(([, tally]) => isSpentTally(tally));
  if (spent.length === 0) return;
  const column = (name: keyof Tally) => sql.param(spent.map(([, tally]) => tally[name]));
  await tx.execute(sql`
    insert into spend as s (batch_id, day, model, organization_id, provider, sandbox, succeeded, unpriced, input_tokens,
      output_tokens, cached_input_tokens, cache_write_input_tokens, reasoning_tokens, cost, saved)
    select b.id, (${at.toISOString()}::timestamptz at time zone 'UTC')::date, t.model, b.organization_id, b.provider,
      b.sandbox, t.succeeded, t.unpriced, t.input_tokens, t.output_tokens, t.cached_input_tokens,
      t.cache_write_input_tokens, t.reasoning_tokens, t.cost, t.saved
    from unnest(${sql.param(spent.map(([model]) => model ?? ''))}::text[], ${column('succeeded')}::int[],
      ${column('unpriced')}::int[], ${column('inputTokens')}::bigint[], ${column('outputTokens')}::bigint[],
      ${column('cachedInputTokens')}::bigint[], ${column('cacheWriteInputTokens')}::bigint[],
      ${column('reasoningTokens')}::bigint[], ${column('cost')}::numeric[], ${column('saved')}::numeric[])
      as t(model, succeeded, unpriced, input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens,
        reasoning_tokens, cost, saved)
    join batches b on b.id = ${batchId}::uuid
    on conflict (batch_id, day, model) do update set
      succeeded = s.succeeded + excluded.succeeded, unpriced = s.unpriced + excluded.unpriced,
      ${sql.join(
        ['input_tokens', 'output_tokens', 'cached_input_tokens', 'cache_write_input_tokens'].map(added),
        sql`, `,
      )}, ${sql.join(['reasoning_tokens', 'cost', 'saved'].map(added), sql`, `)}`);
}

/** What results cost together. */
export interface SpendSum extends Usage {
  readonly succeeded: number;
  readonly unpriced: number;
  readonly cost: Decimal | null;
  readonly saved: Decimal | null;
}

/** What one model of a provider cost on one day. */
export interface SpendOfDay extends SpendSum {
  readonly day: Day;
  readonly provider: string;
  /** Null where the requests name none. */
  readonly model: string | null;
  readonly sandbox: boolean;
}

/** What the organization spent from one day to another, both included; at most `limit` rows, the oldest first. */
export async function spendByDay(
  scope: OrganizationScope,
  db: Queryable,
  { from, to, limit }: { readonly from: Day; readonly to: Day; readonly limit: number },
): Promise<SpendOfDay[]> {
  const tokens = (column: SQL) => sql<number | null>`sum(${column})::float8`;
  const money = (column: SQL) => sql<Decimal | null>`trim_scale(sum(${column}))::text`;
  return db
    .select({
      day: spend.day,
      provider: spend.provider,
      model: sql<string | null>`nullif(${spend.model}, '')`,
      sandbox: spend.sandbox,
      succeeded: sql<number>`sum(${spend.succeeded})::int`,
      unpriced: sql<number>`sum(${spend.unpriced})::int`,
      inputTokens: tokens(sql`${spend.inputTokens}`),
      outputTokens: tokens(sql`${spend.outputTokens}`),
      cachedInputTokens: tokens(sql`${spend.cachedInputTokens}`),
      cacheWriteInputTokens: tokens(sql`${spend.cacheWriteInputTokens}`),
      reasoningTokens: tokens(sql`${spend.reasoningTokens}`),
      cost: money(sql`${spend.cost}`),
      saved: money(sql`${spend.saved}`),
    })
    .from(spend)
    .where(and(inScope(scope, spend.organizationId), between(spend.day, from, to)))
    .groupBy(spend.day, spend.provider, spend.model, spend.sandbox)
    .orderBy(asc(spend.day), asc(spend.provider), asc(spend.model), asc(spend.sandbox))
    .limit(limit);
}
