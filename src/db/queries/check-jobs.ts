/** What is true of jobs and their results at every commit. */
import { type SQL, sql } from 'drizzle-orm';
import { unprovenWords } from '../../domain/recovery.ts';
import type { WorkerScope } from '../../domain/scope.ts';
import { isFinalJob, jobStatuses } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { type Finding, judge } from './check.ts';

/**
 * Within one attempt no two jobs of a batch share an item, a job's `request_count` is the size of its set, and
 * every item of a closed batch is in a job, or was cancelled while the batch was open.
 */
export const checkJobs = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
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
    never as (select batch_id, int4range(position, position + 1) as range from results where job_id is null),
    covers as (select batch_id, range_agg(range) as covered
      from (select batch_id, range from ranges union all select batch_id, range from never) as held group by batch_id),
    miscounts as (
      select batch_id, count(*) as jobs from jobs j
      where request_count <> (select coalesce(sum(upper(u) - lower(u)), 0) from unnest(j.positions) as u)
      group by batch_id)
    select b.id::text,
      coalesce(o.items, 0) <> 0 or coalesce(m.jobs, 0) <> 0
        or coalesce(c.covered, '{}') <>
             case when b.closed_at is null then '{}' else int4multirange(int4range(0, b.total)) end as broken,
      format('total %s, jobs hold %s, shared items %s, jobs with a wrong count %s',
        b.total, coalesce(c.covered::text, '{}'), coalesce(o.items, 0), coalesce(m.jobs, 0)) as detail
    from batches b left join shared o on o.batch_id = b.id left join covers c on c.batch_id = b.id
      left join miscounts m on m.batch_id = b.id`,
  );

/**
 * An attempt holds only what had failed in every attempt before: each earlier job of an item has brought a result for
 * it that is no answer. `batches.attempts` is the newest attempt of any job.
 */
export const checkRetries = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with newest as (select batch_id, max(attempt) as attempt from jobs group by batch_id),
    repeated as (
      select o.batch_id, o.id, o.attempt, p as position
      from jobs o join jobs n on n.batch_id = o.batch_id and n.attempt > o.attempt and n.positions && o.positions
        cross join lateral unnest(o.positions * n.positions) as u(range)
        cross join lateral generate_series(lower(u.range), upper(u.range) - 1) as p),
    doubled as (
      select p.batch_id, count(*) as items
      from repeated p left join results r on r.batch_id = p.batch_id and r.position = p.position
        and r.attempt = p.attempt and r.job_id = p.id and r.status <> 'SUCCEEDED'
      where r.position is null group by p.batch_id)
    select b.id::text, b.attempts <> coalesce(n.attempt, 1) or coalesce(d.items, 0) <> 0 as broken,
      format('attempts %s, of jobs %s, items tried again without a failure %s',
        b.attempts, coalesce(n.attempt::text, 'none'), coalesce(d.items, 0)) as detail
    from batches b left join newest n on n.batch_id = b.id left join doubled d on d.batch_id = b.id`,
  );

/**
 * A provider's batch belongs to one job; a job that its provider confirmed names it, and one that is about to be
 * sent, or looked for, names none. One that was made elsewhere always names it, and was never about to be sent.
 */
export const checkSubmissions = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    select j.id::text,
      case when j.provider_job_id is null then j.status in ('RUNNING', 'CANCELLING', 'COMPLETED')
          or (j.status in ('PENDING', 'UNKNOWN') and j.intent_at is null) or j.item_keys = 'CALLERS'
        when j.item_keys = 'CALLERS' and j.intent_at is not null then true
        else j.status in ('CREATED', 'UNKNOWN') or exists (select 1 from jobs o where o.provider = j.provider
          and o.credential = j.credential and o.provider_job_id = j.provider_job_id and o.id <> j.id
          and ${isProven(sql`o`)} and ${isProven(sql`j`)}) end as broken,
      format('status %s, provider''s id %s, intent %s', j.status, coalesce(j.provider_job_id, 'none'),
        coalesce(j.intent_at::text, 'none')) as detail
    from jobs j`,
  );

/** A job that was given its batch before anything has proven it holds it for good only when the batch has ended. */
const isProven = (job: SQL): SQL =>
  sql`(coalesce(${job}.evidence ->> 'proof', '') <> all(${sql.param(unprovenWords)}::text[])
    or ${job}.status = any(${sql.param(final)}::text[]))`;
const final = jobStatuses.filter(isFinalJob);

/** A job that has work left has a time for it, or waits for a person and says why; one that has none has no time. */
export const checkDue = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    select j.id::text, case when j.collected then (j.due_at is not null) <> (j.provider_files = 'DELETING')
        else j.due_at is null and not (j.status = 'UNKNOWN' and coalesce(j.evidence ->> 'needsPerson', '') <> '')
      end as broken,
      format('status %s, due at %s', j.status, coalesce(j.due_at::text, 'no time')) as detail
    from jobs j`,
  );

/** Every result is of an item, and of a job that holds that item in the same attempt. */
export const checkResults = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
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

/** Of a job that is over and collected every item has a result; one that is not over is not collected. */
export const checkCollected = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with brought as (select batch_id, job_id, count(*) as results from results group by batch_id, job_id)
    select j.id::text, j.collected and (j.status <> all(${sql.param(final)}::text[])
        or coalesce(r.results, 0) <> j.request_count) as broken,
      format('status %s, collected %s, requests %s, results %s', j.status, j.collected, j.request_count,
        coalesce(r.results, 0)) as detail
    from jobs j left join brought r on r.batch_id = j.batch_id and r.job_id = j.id`,
  );

/** A job whose fate is not known was meant to be sent, until a moment that was written down, and tells what is known. */
export const checkEvidence = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    select j.id::text, j.intent_at is null or j.send_before is null or coalesce(j.evidence, '{}') = '{}' as broken,
      format('intent %s, sent before %s, evidence %s', coalesce(j.intent_at::text, 'none'),
        coalesce(j.send_before::text, 'no time'), case when coalesce(j.evidence, '{}') = '{}' then 'none' else 'there' end) as detail
    from jobs j where j.status = 'UNKNOWN'`,
  );

/** A lease that is held was numbered; a sync that was served had begun, and one that had begun was asked for. */
export const checkLeases = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    select j.id::text, (j.lease_until is not null and j.lease_epoch < 1)
        or j.sync_begun > j.sync_requested or j.sync_served > j.sync_begun as broken,
      format('lease number %s, held until %s; syncs asked for %s, begun %s, served %s', j.lease_epoch,
        coalesce(j.lease_until::text, 'no time'), j.sync_requested, j.sync_begun, j.sync_served) as detail
    from jobs j`,
  );

/** A line of nobody's is kept with the job, of the same batch, that it came with. */
export const checkStrays = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    select s.job_id::text as id, j.id is null as broken, format('no such job of the batch %s', s.batch_id) as detail
    from strays s left join jobs j on j.id = s.job_id and j.batch_id = s.batch_id`,
  );
