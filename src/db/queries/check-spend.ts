/** What is true of an organization's money at every commit, asked of the rows as in `check.ts`. */
import { sql } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
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
