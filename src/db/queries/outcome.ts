/**
 * What becomes of an item over its attempts, as SQL. Every attempt but that of a batch which was cancelled while open
 * has a job that holds the item, so a result stands for its item until a job of a later attempt holds it. Batches that
 * were never retried pay one comparison for this.
 */
import { type SQL, sql } from 'drizzle-orm';

/** Whether the result `r` of the batch `bt` is what became of its item: no later attempt is under way, or over. */
export const isOutcome = sql`(r.attempt = bt.attempts or not exists (
  select 1 from jobs n where n.batch_id = r.batch_id and n.attempt > r.attempt and r.position <@ n.positions))`;

/**
 * Joins to the item `i` of the batch `bt` what became of it: `r`, the outcome, or where there is none `j`, the job that
 * has it now. What has an answer is never sent again, so nobody looks for a later job of it.
 */
export const outcome = sql`
  left join lateral (select * from results r where r.batch_id = i.batch_id and r.position = i.position
                     order by r.attempt desc limit 1) last on true
  left join lateral (select j.id, j.status from jobs j
                     where (last.position is null or (last.status <> 'SUCCEEDED' and last.attempt < bt.attempts))
                       and j.batch_id = i.batch_id and j.attempt > coalesce(last.attempt, 0) and i.position <@ j.positions
                     order by j.attempt desc, j.number desc limit 1) j on true
  left join lateral (select last.* where j.id is null) r on true`;

/** The state that a job gives the items that it holds, where they have no result of it. */
export const heldStatus = (status: SQL): SQL =>
  sql`case when ${status} = 'CREATED' then 'PENDING' else 'SUBMITTED' end`;

/** The state of an item that `outcome` was joined to. */
export const itemStatus = sql`coalesce(r.status, case when j.id is null then 'PENDING' else ${heldStatus(sql`j.status`)} end)`;
