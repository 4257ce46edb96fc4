/** What is true of batches at every commit: totals, counts and sums, status and end, events, and whose they are. */
import { sql } from 'drizzle-orm';
import type { EventKind } from '../../domain/event.ts';
import type { WorkerScope } from '../../domain/scope.ts';
import { batchStatuses, isTerminalBatch } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { type Finding, judge } from './check.ts';

/**
 * `batches.total` and `batches.bytes` equal the visible items; their positions are 0 to the total without a gap, and
 * each is as long as it says, unless it was kept long enough.
 */
export const checkTotals = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with held as (
      select i.batch_id, count(*) as rows, sum(i.bytes) as bytes, sum(octet_length(i.request)) as written
      from items i join batches b on b.id = i.batch_id and i.position < b.total group by i.batch_id)
    select b.id::text, coalesce(h.rows, 0) <> b.total or coalesce(h.bytes, 0) <> b.bytes
        or (b.results_removed_at is null and h.bytes is distinct from h.written) as broken,
      format('total %s, items %s; bytes %s, of items %s, written %s', b.total, coalesce(h.rows, 0), b.bytes,
        coalesce(h.bytes, 0), coalesce(h.written, 0)) as detail
    from batches b left join held h on h.batch_id = b.id`,
  );

/** The six counts sum to the total and equal what the newest attempts make of the items, by their results or jobs. */
export const checkCounts = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with held as (
      select distinct on (j.batch_id, p) j.batch_id, p as position, j.attempt, j.status
      from jobs j cross join lateral unnest(j.positions) as u(range)
        cross join lateral generate_series(lower(u.range), upper(u.range) - 1) as p
      order by j.batch_id, p, j.attempt desc, j.number desc),
    newest as (
      select distinct on (batch_id, position) batch_id, position, attempt, status
      from results order by batch_id, position, attempt desc),
    told as (
      select i.batch_id, case when r.attempt >= coalesce(h.attempt, 0) then r.status
        when coalesce(h.status, 'CREATED') = 'CREATED' then 'PENDING' else 'SUBMITTED' end as status
      from items i join batches b on b.id = i.batch_id and i.position < b.total
        left join newest r on r.batch_id = i.batch_id and r.position = i.position
        left join held h on h.batch_id = i.batch_id and h.position = i.position),
    counted as (
      select batch_id, array[
        count(*) filter (where status = 'PENDING'), count(*) filter (where status = 'SUBMITTED'),
        count(*) filter (where status = 'SUCCEEDED'), count(*) filter (where status = 'ERRORED'),
        count(*) filter (where status = 'EXPIRED'), count(*) filter (where status = 'CANCELLED')] as counts
      from told group by batch_id),
    kept as (
      select id, total, array[pending, submitted, succeeded, errored, expired, cancelled]::bigint[] as counts from batches)
    select k.id::text,
      k.counts <> coalesce(c.counts, '{0,0,0,0,0,0}') or (select sum(n) from unnest(k.counts) n) <> k.total as broken,
      format('total %s, counts %s, rows %s', k.total, k.counts, coalesce(c.counts, '{0,0,0,0,0,0}')) as detail
    from kept k left join counted c on c.batch_id = k.id`,
  );

/** The five token sums equal those of all results, of earlier attempts too; null exactly where no result knows any. */
export const checkUsage = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
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

/** Cost and saving equal those of all results, null exactly where no result knows any; unpriced answers are counted. */
export const checkCost = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with spent as (
      select batch_id, sum(cost) as cost, sum(saved) as saved,
        count(*) filter (where status = 'SUCCEEDED' and cost is null) as unpriced
      from results group by batch_id)
    select b.id::text,
      b.cost is distinct from s.cost or b.saved is distinct from s.saved or b.unpriced <> coalesce(s.unpriced, 0) as broken,
      format('cost %s, saved %s, unpriced %s; of results %s, %s, %s', coalesce(b.cost::text, 'null'),
        coalesce(b.saved::text, 'null'), b.unpriced, coalesce(s.cost::text, 'null'), coalesce(s.saved::text, 'null'),
        coalesce(s.unpriced, 0)) as detail
    from batches b left join spent s on s.batch_id = b.id`,
  );

/**
 * A closed batch is terminal exactly when every item has a result of every attempt that a job makes of it; an open one
 * is accumulating.
 */
export const checkEnds = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with meant as (select batch_id, sum(request_count) as attempts from jobs group by batch_id),
    brought as (select batch_id, count(*) as results from results where job_id is not null group by batch_id)
    select b.id::text,
      case when b.closed_at is null then b.status <> 'ACCUMULATING'
        else b.status = 'ACCUMULATING' or (b.status = any(${sql.param(terminal)}::text[])) <>
          (coalesce(m.attempts, 0) = coalesce(r.results, 0)) end as broken,
      format('status %s, items %s, attempts of them %s, results %s', b.status, b.total, coalesce(m.attempts, 0),
        coalesce(r.results, 0)) as detail
    from batches b left join meant m on m.batch_id = b.id left join brought r on r.batch_id = b.id`,
  );

const terminal = batchStatuses.filter(isTerminalBatch);

/** The events of a batch end with its version and have no gap; the oldest ones may have been removed by age. */
export const checkEvents = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with told as (select batch_id, count(*) as rows, min(seq) as first, max(seq) as last from events group by batch_id)
    select b.id::text, t.last is distinct from b.version or t.rows <> t.last - t.first + 1 as broken,
      format('version %s, events %s from %s to %s', b.version, coalesce(t.rows, 0), t.first, t.last) as detail
    from batches b left join told t on t.batch_id = b.id`,
  );

/**
 * Requests beyond a batch's total are of a file that is on its way in, or is being removed; an upload that was completed
 * has none.
 */
export const checkUploads = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with beyond as (
      select i.batch_id, min(i.position) as first, count(*) as rows
      from items i join batches b on b.id = i.batch_id where i.position >= b.total group by i.batch_id)
    select b.id::text, y.rows > 0 and not exists (select 1 from uploads u
        where u.batch_id = b.id and not u.dry_run and u.status <> 'COMPLETED' and u.first_position <= y.first) as broken,
      format('total %s, items beyond it %s', b.total, y.rows) as detail
    from batches b join beyond y on y.batch_id = b.id
    union all select u.id::text, u.first_position is not null and b.total <> u.first_position,
      format('upload from %s on, into a batch of %s', u.first_position, b.total)
    from uploads u join batches b on b.id = u.batch_id where not u.dry_run`,
  );

/** Nothing is left of a batch that is gone, but the event that tells of it. A file that is being checked has none. */
export const checkLeftovers = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
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
    select s.batch_id::text as id,
      b.id is null and not exists (select 1 from uploads u where u.id = s.batch_id and u.first_position is not null) as broken,
      format('no batch, items %s, results %s, strays %s, events %s', s.items, s.results, s.strays, s.events) as detail
    from summed s left join batches b on b.id = s.batch_id`,
  );

/**
 * The newest that was told of a batch gives its status, and an ended batch was told to have ended; what can be told of
 * it after that is a caller's doing, or time's.
 */
export const checkTold = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with told as (
      select distinct on (batch_id) batch_id, kind, data ->> 'status' as status
      from events order by batch_id, seq desc),
    lasting as (
      select distinct on (batch_id) batch_id, kind from events
      where kind <> all(${sql.param(quiet)}::text[]) order by batch_id, seq desc)
    select b.id::text, t.status is distinct from b.status
        or (l.kind = 'BATCH_ENDED') <> (b.status = any(${sql.param(terminal)}::text[])) as broken,
      format('status %s, told %s by %s, of its course %s', b.status, coalesce(t.status, 'none'),
        coalesce(t.kind, 'nothing'), coalesce(l.kind, 'nothing')) as detail
    from batches b left join told t on t.batch_id = b.id left join lasting l on l.batch_id = b.id`,
  );

/** Kinds of event that leave the course of a batch as it is. */
const quiet = [
  'BATCH_UPDATED',
  'BUDGET_WARNING',
  'RESULTS_REMOVED',
  'PROVIDER_FILES_DELETED',
] as const satisfies readonly EventKind[];

/**
 * Nothing is left of bodies that were removed, as far as their removal has come; and what is not to be removed has all of
 * its requests (`checkTotals`).
 */
export const checkRemoved = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with removed as (
      select id, results_removed_at, removal_position, coalesce(removal_position, total) as below from batches
      where results_removed_at is not null or removal_position is not null),
    kept as (
      select i.batch_id, i.position from items i join removed b on b.id = i.batch_id and i.position < b.below
      where i.request is not null
      union all select r.batch_id, r.position from results r join removed b on b.id = r.batch_id and r.position < b.below
      where r.response is not null
      union all select s.batch_id, null from strays s join removed b on b.id = s.batch_id and b.removal_position is null
      where s.line <> ''),
    left_over as (select batch_id, count(*) as bodies, min(position) as first from kept group by batch_id)
    select b.id::text, b.results_removed_at is null or coalesce(k.bodies, 0) > 0 as broken,
      format('removed %s up to %s, bodies left %s from %s on', coalesce(b.results_removed_at::text, 'never'), b.below,
        coalesce(k.bodies, 0), coalesce(k.first::text, 'none')) as detail
    from removed b left join left_over k on k.batch_id = b.id`,
  );

/** Jobs and events are of the organization that their batch is of. */
export const checkTenants = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with owned as (
      select batch_id, organization_id, 'job' as what from jobs
      union select batch_id, organization_id, 'event' from events)
    select o.batch_id::text as id, o.organization_id <> b.organization_id as broken,
      format('organization %s, of a %s %s', b.organization_id, o.what, o.organization_id) as detail
    from owned o join batches b on b.id = o.batch_id`,
  );

/** Every call that is remembered under a caller's key is of a batch that its organization has, or has deleted. */
export const checkCalls = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    select i.batch_id::text as id,
      b.id is null and not exists (select 1 from events e where e.batch_id = i.batch_id
        and e.organization_id = i.organization_id and e.kind = 'BATCH_DELETED') as broken,
      format('%s under a key, its batch neither there nor deleted', i.operation) as detail
    from idempotency i left join batches b on b.id = i.batch_id and b.organization_id = i.organization_id`,
  );
