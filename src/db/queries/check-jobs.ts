/** What is true of jobs and their results at every commit. */
import { type SQL, sql } from 'drizzle-orm';
import type { Scope } from '../../domain/scope.ts';
import { isFinalJob, jobStatuses } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { type Finding, judge } from './check.ts';

/**
 * Within one attempt no two jobs of a batch share an item, a job's `request_count` is the size of its set, and
 * the jobs of a closed batch cover all items. A batch that was cancelled while open never had any.
 */
export const checkJobs = (_worker: Scope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with ranges as (
      select j.batch_id, j.attempt, j.id, p.range from jobs j cross join lateral unnest(j.positions) as p(range)),
    attempts as (
      select batch_id, attempt, sum(upper(range) - lower(range)) as placed, range_agg(range) as covered
      from ranges group by batch_id, attempt),
    shared as (
      select batch_id, sum(placed - (select sum(upper(u) - lower(u)) from unnest(covered) as u)) as items
      from attempts group by batch_id),
    covers as (select batch_id, range_agg(range) as covered from ranges group by batch_id),
    miscounts as (
      select batch_id, count(*) as jobs from jobs j
      where request_count <> (select coalesce(sum(upper(u) - lower(u)), 0) from unnest(j.positions) as u)
      group by batch_id)
    select b.id::text,
      coalesce(o.items, 0) <> 0 or coalesce(m.jobs, 0) <> 0
        or case when b.closed_at is null then c.covered is not null
             when c.covered is null then b.status <> 'CANCELLED'
             else c.covered <> int4multirange(int4range(0, b.total)) end as broken,
      format('total %s, jobs hold %s, shared items %s, jobs with a wrong count %s',
        b.total, coalesce(c.covered::text, '{}'), coalesce(o.items, 0), coalesce(m.jobs, 0)) as detail
    from batches b left join shared o on o.batch_id = b.id left join covers c on c.batch_id = b.id
      left join miscounts m on m.batch_id = b.id`,
  );

/**
 * A provider's batch belongs to one job; a job that its provider confirmed names it, and one that is about to be
 * sent, or looked for, names none.
 */
export const checkSubmissions = (_worker: Scope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    select j.id::text,
      case when j.provider_job_id is null then j.status in ('RUNNING', 'CANCELLING', 'COMPLETED')
          or (j.status in ('PENDING', 'UNKNOWN') and j.intent_at is null)
        else j.status in ('CREATED', 'UNKNOWN') or exists (select 1 from jobs o where o.provider = j.provider
          and o.credential = j.credential and o.provider_job_id = j.provider_job_id and o.id <> j.id
          and ${isProven(sql`o`)} and ${isProven(sql`j`)}) end as broken,
      format('status %s, provider''s id %s, intent %s', j.status, coalesce(j.provider_job_id, 'none'),
        coalesce(j.intent_at::text, 'none')) as detail
    from jobs j`,
  );

/** A job that was given its batch by circumstances alone holds it for good only when the batch has ended. */
const isProven = (job: SQL): SQL =>
  sql`(${job}.evidence ->> 'proof' is distinct from 'PROVISIONAL' or ${job}.status = any(${sql.param(final)}::text[]))`;
const final = jobStatuses.filter(isFinalJob);

/** A job that has work left has a time for it, or waits for a person and says why. */
export const checkDue = (_worker: Scope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    select j.id::text, not j.collected and j.due_at is null
        and not (j.status = 'UNKNOWN' and coalesce(j.evidence ->> 'needsPerson', '') <> '') as broken,
      format('status %s, due at no time', j.status) as detail
    from jobs j`,
  );

/** Every result is of an item, and of a job that holds that item in the same attempt. */
export const checkResults = (_worker: Scope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    select format('%s:%s', r.batch_id, r.position) as id,
      i.position is null or (r.job_id is not null and j.id is null) as broken,
      format('attempt %s, item %s, job %s', r.attempt, case when i.position is null then 'missing' else 'there' end,
        coalesce(j.id::text, case when r.job_id is null then 'none' else 'missing' end)) as detail
    from results r
      left join (items i join batches b on b.id = i.batch_id and i.position < b.total)
        on i.batch_id = r.batch_id and i.position = r.position
      left join jobs j on j.id = r.job_id and j.batch_id = r.batch_id and j.attempt = r.attempt
        and r.position <@ j.positions`,
  );
