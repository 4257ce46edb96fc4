/**
 * What is true of the rows at every commit, asked of the rows themselves: one statement each, which reads
 * everything, changes nothing, and is of one moment. What the invariants are called, and what is done about a
 * broken one, is left to `batches/check.ts`.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { Scope } from '../../domain/scope.ts';
import { batchStatuses, isFinalJob, isTerminalBatch, jobStatuses } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';

/** One place where an invariant does not hold. */
export interface Violation {
  /** The row: a batch's or job's id, or `<batch>:<position>` for a result. */
  readonly id: string;
  /** The numbers or words that disagree. Never a body. */
  readonly detail: string;
}

/** What one statement found. */
export interface Finding {
  /** How many rows were looked at. */
  readonly checked: number;
  readonly broken: number;
  /** The first of the broken ones. */
  readonly violations: readonly Violation[];
}

/** `batches.total` and `batches.bytes` equal the visible items; their positions are 0 to the total without a gap. */
export const checkTotals = (_worker: Scope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with held as (
      select i.batch_id, count(*) as rows, sum(i.bytes) as bytes
      from items i join batches b on b.id = i.batch_id and i.position < b.total group by i.batch_id)
    select b.id::text, coalesce(h.rows, 0) <> b.total or coalesce(h.bytes, 0) <> b.bytes as broken,
      format('total %s, items %s; bytes %s, of items %s', b.total, coalesce(h.rows, 0), b.bytes, coalesce(h.bytes, 0)) as detail
    from batches b left join held h on h.batch_id = b.id`,
  );

/** The six counts sum to the total and equal what results and jobs make of the items. */
export const checkCounts = (_worker: Scope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with newest as (
      select distinct on (batch_id, position) batch_id, position, status
      from results order by batch_id, position, attempt desc),
    waiting as (
      select i.batch_id, coalesce((select case when j.status = 'CREATED' then 'PENDING' else 'SUBMITTED' end
        from jobs j where j.batch_id = i.batch_id and i.position <@ j.positions
        order by j.attempt desc, j.number desc limit 1), 'PENDING') as status
      from items i join batches b on b.id = i.batch_id and i.position < b.total
      where not exists (select 1 from newest n where n.batch_id = i.batch_id and n.position = i.position)),
    counted as (
      select batch_id, array[
        count(*) filter (where status = 'PENDING'), count(*) filter (where status = 'SUBMITTED'),
        count(*) filter (where status = 'SUCCEEDED'), count(*) filter (where status = 'ERRORED'),
        count(*) filter (where status = 'EXPIRED'), count(*) filter (where status = 'CANCELLED')] as counts
      from (select batch_id, status from newest union all select batch_id, status from waiting) s
      group by batch_id),
    kept as (
      select id, total, array[pending, submitted, succeeded, errored, expired, cancelled]::bigint[] as counts from batches)
    select k.id::text,
      k.counts <> coalesce(c.counts, '{0,0,0,0,0,0}') or (select sum(n) from unnest(k.counts) n) <> k.total as broken,
      format('total %s, counts %s, rows %s', k.total, k.counts, coalesce(c.counts, '{0,0,0,0,0,0}')) as detail
    from kept k left join counted c on c.batch_id = k.id`,
  );

/** The five token sums equal those of all results, of earlier attempts too; null exactly where no result knows any. */
export const checkUsage = (_worker: Scope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with spent as (
      select batch_id, array[sum(input_tokens), sum(output_tokens), sum(cached_input_tokens),
        sum(cache_write_input_tokens), sum(reasoning_tokens)]::numeric[] as tokens
      from results group by batch_id),
    kept as (
      select id, array[input_tokens, output_tokens, cached_input_tokens, cache_write_input_tokens,
        reasoning_tokens]::numeric[] as tokens from batches)
    select k.id::text, k.tokens is distinct from coalesce(s.tokens, ${noTokens}) as broken,
      format('tokens %s, of results %s', k.tokens, coalesce(s.tokens, ${noTokens})) as detail
    from kept k left join spent s on s.batch_id = k.id`,
  );

const noTokens = sql`array[null, null, null, null, null]::numeric[]`;

/** A closed batch is terminal exactly when every item has a result; an open one is accumulating. */
export const checkEnds = (_worker: Scope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with finished as (
      select r.batch_id, count(distinct r.position) as items
      from results r join batches b on b.id = r.batch_id and r.position < b.total group by r.batch_id)
    select b.id::text,
      case when b.closed_at is null then b.status <> 'ACCUMULATING'
        else b.status = 'ACCUMULATING' or (b.status = any(${sql.param(terminal)}::text[])) <> (coalesce(f.items, 0) = b.total)
      end as broken,
      format('status %s, items %s, with a result %s', b.status, b.total, coalesce(f.items, 0)) as detail
    from batches b left join finished f on f.batch_id = b.id`,
  );

const terminal = batchStatuses.filter(isTerminalBatch);

/** The events of a batch end with its version and have no gap; the oldest ones may have been removed by age. */
export const checkEvents = (_worker: Scope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with told as (select batch_id, count(*) as rows, min(seq) as first, max(seq) as last from events group by batch_id)
    select b.id::text, t.last is distinct from b.version or t.rows <> t.last - t.first + 1 as broken,
      format('version %s, events %s from %s to %s', b.version, coalesce(t.rows, 0), t.first, t.last) as detail
    from batches b left join told t on t.batch_id = b.id`,
  );

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

/** Nothing is left of a batch that is gone, but the event that tells of it. */
export const checkLeftovers = (_worker: Scope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with owned as (
      select batch_id, count(*) as items, 0 as results, 0 as strays, 0 as events from items group by batch_id
      union all select batch_id, 0, count(*), 0, 0 from results group by batch_id
      union all select batch_id, 0, 0, count(*), 0 from strays group by batch_id
      union all select batch_id, 0, 0, 0, count(*) from events where kind <> 'BATCH_DELETED' group by batch_id),
    summed as (
      select batch_id, sum(items) as items, sum(results) as results, sum(strays) as strays, sum(events) as events
      from owned group by batch_id)
    select s.batch_id::text as id, b.id is null as broken,
      format('no batch, items %s, results %s, strays %s, events %s', s.items, s.results, s.strays, s.events) as detail
    from summed s left join batches b on b.id = s.batch_id`,
  );

const violationsMax = 20;

/** Counts the rows of `facts` (id, broken, detail), and shows the first that are broken. */
async function judge(db: Queryable, facts: SQL): Promise<Finding> {
  const {
    rows: [row],
  } = await db.execute<{ checked: number; broken: number; violations: Violation[] }>(sql`
    with facts as (${facts}),
    shown as (select id, detail from facts where broken order by id limit ${violationsMax})
    select (select count(*)::int from facts) as checked, (select count(*)::int from facts where broken) as broken,
      (select coalesce(json_agg(json_build_object('id', id, 'detail', detail)), '[]') from shown) as violations`);
  if (row === undefined) throw new Error('an aggregate answers one row');
  return row;
}
