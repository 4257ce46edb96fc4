/**
 * Statements behind `/metrics`: each reads an index of what is under way, or what Postgres has counted, and none counts
 * what has ended. Figures are of all organizations together.
 */
import { sql } from 'drizzle-orm';
import type { WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { batches } from '../tables/batches.ts';
import { deliveries } from '../tables/deliveries.ts';
import { jobs } from '../tables/jobs.ts';
import { jobStages, stageConditions } from './jobs.ts';

/** What a transaction that reads figures begins with: whatever takes longer is not worth it. */
export async function limitReading(_worker: WorkerScope, tx: Queryable, seconds: number): Promise<void> {
  await tx.execute(sql.raw(`set local statement_timeout = '${seconds}s'`));
}

/** Work of one kind that is due and that nobody holds. */
export interface WorkDue {
  readonly work: string;
  readonly due: number;
  /** How long the oldest has been due, in seconds; 0 where none is. */
  readonly oldest: number;
}

/** Counting stops here. */
const dueMax = 10_000;

/** What is due by now, of every kind. */
export async function workDue(_worker: WorkerScope, db: Queryable, now: Date): Promise<WorkDue[]> {
  const at = sql`${now.toISOString()}::timestamptz`;
  const isFree = sql`(lease_until is null or lease_until < clock_timestamp())`;
  const closing = sql`select 'closing' as work, due_at from ${batches} where due_at <= ${at} limit ${dueMax}`;
  const calling = sql`select 'calling back', due_at from ${deliveries} where due_at <= ${at} and ${isFree} limit ${dueMax}`;
  const stages = jobStages.map(
    (stage) =>
      sql`select ${stage}::text, due_at from ${jobs} where due_at <= ${at} and ${isFree} and ${stageConditions[stage]} limit ${dueMax}`,
  );
  const parts = [closing, ...stages, calling];
  const kinds = ['closing', ...jobStages, 'calling back'];
  const { rows } = await db.execute<{ work: string; due: number; oldest: number }>(sql`
    select work, count(due_at)::int as due,
      coalesce(extract(epoch from ${at} - min(due_at)), 0)::float8 as oldest
    from unnest(${sql.param(kinds)}::text[]) as k(work)
      left join (${sql.join(
        parts.map((part) => sql`(${part})`),
        sql` union all `,
      )}) d using (work)
    group by work`);
  return rows;
}

/** Batches of one status that have not ended, and the requests that they count. */
export interface UnfinishedBatches {
  readonly status: string;
  readonly batches: number;
  readonly counts: Readonly<
    Record<'PENDING' | 'SUBMITTED' | 'SUCCEEDED' | 'ERRORED' | 'EXPIRED' | 'CANCELLED', number>
  >;
}

/** Batches that have not ended, by status. */
export async function unfinishedBatches(_worker: WorkerScope, db: Queryable): Promise<UnfinishedBatches[]> {
  const sum = (column: string) => sql.raw(`sum(${column})::float8`);
  const { rows } = await db.execute<UnfinishedBatches & Record<string, unknown>>(sql`
    select status, count(*)::int as batches, json_build_object('PENDING', ${sum('pending')}, 'SUBMITTED', ${sum('submitted')},
      'SUCCEEDED', ${sum('succeeded')}, 'ERRORED', ${sum('errored')}, 'EXPIRED', ${sum('expired')},
      'CANCELLED', ${sum('cancelled')}) as counts
    from ${batches} where status not in ('COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED') group by status`);
  return rows;
}

/** Jobs that have not ended, by provider and status. */
export async function unfinishedJobs(
  _worker: WorkerScope,
  db: Queryable,
): Promise<{ provider: string; status: string; jobs: number }[]> {
  const { rows } = await db.execute<{ provider: string; status: string; jobs: number }>(sql`
    select provider, status, count(*)::int as jobs from ${jobs}
    where status not in ('COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED') group by provider, status`);
  return rows;
}

/** How many rows were written into each of the big tables, their partitions together, since Postgres counts. */
export async function rowsWritten(
  _worker: WorkerScope,
  db: Queryable,
): Promise<{ table: string; rows: number }[]> {
  const { rows } = await db.execute<{ table: string; rows: number }>(sql`
    select p.relname as table, coalesce(sum(s.n_tup_ins), 0)::float8 as rows
    from pg_class p join pg_inherits i on i.inhparent = p.oid left join pg_stat_user_tables s on s.relid = i.inhrelid
    where p.oid in ('items'::regclass, 'results'::regclass) group by p.relname`);
  return rows;
}
