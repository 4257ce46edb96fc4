/** What is true of an organization's money at every commit, asked of the rows as in `check.ts`. */
import { sql } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
import { batchStatuses, isUnderWay } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { type Finding, judge } from './check.ts';
import { isSpent, spendSums } from './spend.ts';

/**
 * What was spent on a batch by day and model is what its results of that day and model say, and is its organization's;
 * of a batch that is gone only the spend is left.
 */
export const checkSpend = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with told as (
      select r.batch_id, (r.finished_at at time zone 'UTC')::date as day, coalesce(j.model, i.model, '') as model, r.status,
        r.input_tokens, r.output_tokens, r.cached_input_tokens, r.cache_write_input_tokens, r.reasoning_tokens, r.cost, r.saved
      from results r left join jobs j on j.id = r.job_id
        left join items i on i.batch_id = r.batch_id and i.position = r.position),
    summed as (select batch_id, day, model, ${spendSums} from told where ${isSpent} group by batch_id, day, model)
    select format('%s:%s', coalesce(s.batch_id, t.batch_id), coalesce(s.day, t.day)) as id,
      s.batch_id is null or s.organization_id <> b.organization_id or s.provider <> b.provider or s.sandbox <> b.sandbox
        or (s.succeeded, s.unpriced, s.input_tokens, s.output_tokens, s.cached_input_tokens, s.cache_write_input_tokens,
            s.reasoning_tokens, s.cost, s.saved) is distinct from
           (t.succeeded, t.unpriced, t.input_tokens, t.output_tokens, t.cached_input_tokens, t.cache_write_input_tokens,
            t.reasoning_tokens, t.cost, t.saved) as broken,
      format('cost %s, saved %s, of %s answers; of results %s, %s, %s', coalesce(s.cost::text, 'null'),
        coalesce(s.saved::text, 'null'), coalesce(s.succeeded::text, 'no'), coalesce(t.cost::text, 'null'),
        coalesce(t.saved::text, 'null'), coalesce(t.succeeded::text, 'no')) as detail
    from spend s full join summed t on t.batch_id = s.batch_id and t.day = s.day and t.model = s.model
      join batches b on b.id = coalesce(s.batch_id, t.batch_id)`,
  );

/**
 * A batch holds of a budget only while it is under way, and never less than nothing; in its first attempt the most that
 * it was thought to cost, less what it has.
 */
export const checkReserved = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with kept as (
      select *, status = any(${sql.param(underWay)}::text[]) as goes_on,
        case when estimated_cost_high is not null then greatest(0, estimated_cost_high - coalesce(cost, 0)) end as due
      from batches)
    select id::text, case when not goes_on then reserved is not null
        else coalesce(reserved < 0, false) or (attempts = 1 and reserved is distinct from due) end as broken,
      format('status %s, attempt %s, holds %s of %s, cost %s', status, attempts, coalesce(reserved::text, 'null'),
        coalesce(estimated_cost_high::text, 'null'), coalesce(cost::text, 'null')) as detail
    from kept`,
  );

const underWay = batchStatuses.filter(isUnderWay);
