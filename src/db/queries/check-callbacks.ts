/** What is true of deliveries at every commit, asked of the rows as in `check.ts`. */
import { sql } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
import { batchStatuses, isTerminalBatch } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { type Finding, judge } from './check.ts';

/** A batch that has ended and has a callback URL has a delivery of its newest end, whose event may be gone by age. */
export const checkCallbacks = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with ends as (select batch_id, max(seq) as seq from events where kind = 'BATCH_ENDED' group by batch_id)
    select b.id::text, not exists (select 1 from deliveries d
        where d.batch_id = b.id and d.seq = coalesce(e.seq, d.seq)) as broken,
      format('status %s, ended with event %s, without a delivery', b.status, e.seq) as detail
    from batches b left join ends e on e.batch_id = b.id
    where b.callback_url is not null and b.status = any(${sql.param(terminal)}::text[])`,
  );

const terminal = batchStatuses.filter(isTerminalBatch);

/** A delivery is of an end of a batch that exists, and has a time exactly while it is pending. */
export const checkDeliveries = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    select d.id::text, b.id is null or coalesce(e.kind, 'BATCH_ENDED') <> 'BATCH_ENDED'
        or (d.status = 'PENDING') <> (d.due_at is not null) as broken,
      format('batch %s, event %s, status %s, due %s', case when b.id is null then 'missing' else 'there' end,
        coalesce(e.kind, 'gone'), d.status, coalesce(d.due_at::text, 'at no time')) as detail
    from deliveries d left join batches b on b.id = d.batch_id
      left join events e on e.batch_id = d.batch_id and e.seq = d.seq`,
  );

/** The attempts of a delivery are numbered from 1 without a gap, and as many as it counts; none is of no delivery. */
export const checkAttempts = (_worker: WorkerScope, db: Queryable): Promise<Finding> =>
  judge(
    db,
    sql`
    with made as (
      select delivery_id, count(*) as rows, min(number) as first, max(number) as last
      from delivery_attempts group by delivery_id)
    select coalesce(d.id, m.delivery_id)::text as id,
      d.attempts is distinct from coalesce(m.rows, 0) or m.first <> 1 or m.last <> m.rows as broken,
      format('counted %s, attempts %s from %s to %s', coalesce(d.attempts::text, 'by nothing'), coalesce(m.rows, 0),
        m.first, m.last) as detail
    from deliveries d full join made m on m.delivery_id = d.id`,
  );
