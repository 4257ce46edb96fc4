/**
 * What becomes of an item over its attempts, as SQL. A job whose results are not all there holds its items: they have no
 * outcome, whatever an earlier attempt came to. Everywhere else the newest result is the outcome. Batches that were
 * never retried pay one comparison for this.
 */
import { type SQL, sql } from 'drizzle-orm';
import { uuidList } from './uuid-list.ts';

/**
 * Jobs of the batches, their positions read into memory once: those of a large job are stored apart from its row, where
 * each look at them would fetch them again.
 */
const jobsOf = (batchIds: readonly string[]): SQL => sql`
  select id, batch_id, number, attempt, status, positions + '{}'::int4multirange as positions
  from jobs where batch_id = any(${uuidList(batchIds)})`;

/** Opens a statement with `held`: the jobs of the batches that hold items. */
export const withHeldOf = (batchIds: readonly string[]): SQL =>
  sql`with held as materialized (${jobsOf(batchIds)} and not collected)`;

/** Opens a statement with `tried`: all jobs of the batches. */
export const withTriedOf = (batchIds: readonly string[]): SQL =>
  sql`with tried as materialized (${jobsOf(batchIds)})`;

/**
 * Whether the result `r` of the batch `bt` is the outcome of its item: no later attempt is under way, or over. What has
 * an answer is never tried again.
 */
export const isOutcome = sql`(r.attempt = bt.attempts or r.status = 'SUCCEEDED' or not (
  exists (select 1 from results n where n.batch_id = r.batch_id and n.position = r.position and n.attempt > r.attempt)
  or exists (select 1 from held n where n.batch_id = r.batch_id and n.attempt > r.attempt and r.position <@ n.positions)))`;

/** Joins to the item `i` of the batch `bt` its outcome `r`, or where it has none `j`, the job that holds it. */
export const outcome = sql`
  left join lateral (select * from results r where r.batch_id = i.batch_id and r.position = i.position
                     order by r.attempt desc limit 1) last on true
  left join lateral (select j.id, j.status from held j
                     where (last.position is null or (last.status <> 'SUCCEEDED' and last.attempt < bt.attempts))
                       and j.batch_id = i.batch_id and j.attempt > coalesce(last.attempt, 0) and i.position <@ j.positions
                     order by j.attempt desc, j.number desc limit 1) j on true
  left join lateral (select last.* where j.id is null) r on true`;

/** The state that a job gives the items that it holds. */
export const heldStatus = (status: SQL): SQL =>
  sql`case when ${status} = 'CREATED' then 'PENDING' else 'SUBMITTED' end`;

/** The state of an item that `outcome` was joined to. */
export const itemStatus = sql`coalesce(r.status, case when j.id is null then 'PENDING' else ${heldStatus(sql`j.status`)} end)`;
