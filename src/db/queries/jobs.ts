/** Statements on jobs. Their lease is in `leases.ts`. */
import { and, asc, eq, inArray, isNotNull, lte, type SQL, sql } from 'drizzle-orm';
import type { Scope, WorkerScope } from '../../domain/scope.ts';
import { type JobStatus, jobStatuses } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { type Columns, readRows } from '../rows.ts';
import { type JobRow, jobs } from '../tables/jobs.ts';
import {
  beyondCursor,
  byCreation,
  type CreationPage,
  ofStretches,
  pageInStretches,
  type StretchFilter,
} from './creation-page.ts';
import { inScope, owned } from './scope.ts';

/** A new row; everything that starts empty may be left out. */
export type NewJob = typeof jobs.$inferInsert;
/** Columns to change. */
export type JobPatch = Partial<Omit<NewJob, 'id' | 'batchId' | 'organizationId' | 'number'>>;

/** Adds the jobs of a plan. */
export async function insertJobs(scope: Scope, tx: Queryable, rows: readonly NewJob[]): Promise<void> {
  // A thousand rows stay far below Postgres' 65,535 parameters.
  for (let from = 0; from < rows.length; from += 1000)
    await tx.insert(jobs).values(rows.slice(from, from + 1000).map((row) => owned(scope, row)));
}

/** The job; null where the scope has none with this id. */
export async function findJob(scope: Scope, db: Queryable, id: string): Promise<JobRow | null> {
  const [row] = await db
    .select()
    .from(jobs)
    .where(and(eq(jobs.id, id), inScope(scope, jobs.organizationId)));
  return row ?? null;
}

/** The jobs with these ids that the scope has, in no order. */
export async function findJobs(scope: Scope, db: Queryable, ids: readonly string[]): Promise<JobRow[]> {
  return db
    .select()
    .from(jobs)
    .where(and(inArray(jobs.id, [...ids]), inScope(scope, jobs.organizationId)));
}

/** All jobs of a batch by number. */
export async function jobsOfBatch(scope: Scope, db: Queryable, batchId: string): Promise<JobRow[]> {
  return db
    .select()
    .from(jobs)
    .where(and(eq(jobs.batchId, batchId), inScope(scope, jobs.organizationId)))
    .orderBy(asc(jobs.number));
}

/**
 * Writes the columns of a job. With `epoch`, only while that lease is still the newest one: answers false where
 * another worker has taken over, and then nothing was written.
 */
export async function updateJob(
  scope: Scope,
  tx: Queryable,
  id: string,
  patch: JobPatch,
  epoch: number | null,
): Promise<boolean> {
  const rows = await tx
    .update(jobs)
    .set(patch)
    .where(
      and(
        eq(jobs.id, id),
        epoch === null ? undefined : eq(jobs.leaseEpoch, epoch),
        inScope(scope, jobs.organizationId),
      ),
    )
    .returning({ id: jobs.id });
  return rows.length === 1;
}

/** Saves what a later try of a submission needs. False where the lease is lost. */
export async function saveCheckpoint(
  worker: WorkerScope,
  db: Queryable,
  id: string,
  epoch: number,
  checkpoint: NonNullable<JobRow['checkpoint']>,
): Promise<boolean> {
  return updateJob(worker, db, id, { checkpoint }, epoch);
}

/** Removes the jobs of a batch. */
export async function deleteJobs(scope: Scope, tx: Queryable, batchId: string): Promise<void> {
  await tx.delete(jobs).where(and(eq(jobs.batchId, batchId), inScope(scope, jobs.organizationId)));
}

/** Which jobs a list shows; what is left out does not matter. */
export type JobFilter = StretchFilter<JobStatus>;

/** One page of the scope's jobs by creation time, ties broken by id. */
export async function jobPage(
  scope: Scope,
  db: Queryable,
  filter: JobFilter,
  page: CreationPage,
  columns: Columns<typeof jobs> = null,
): Promise<JobRow[]> {
  const wanted = and(
    inScope(scope, jobs.organizationId),
    ofStretches(jobs, filter),
    beyondCursor(jobs, page),
  );
  const shown = pageInStretches(jobs, { ...filter, all: jobStatuses }, wanted, page);
  return readRows(
    db,
    jobs,
    columns,
    (selected) =>
      sql`select ${selected} from ${jobs} where ${shown ?? sql`true`} order by ${byCreation(jobs, page)} limit ${page.limit}`,
  );
}

/** How many jobs of the scope match. */
export async function countJobs(scope: Scope, db: Queryable, filter: JobFilter): Promise<number> {
  return db.$count(jobs, and(inScope(scope, jobs.organizationId), ofStretches(jobs, filter)));
}

/** A job that somebody should work on now. */
export type DueJob = Pick<
  JobRow,
  'id' | 'status' | 'collected' | 'providerJobId' | 'resultsWaiting' | 'providerFiles'
>;

/** The same, with its place among all that wait: how many of its organization are before it, counted from 0. */
export type PlacedJob = DueJob & { readonly place: number };

/** What a job waits for: to be sent or found, to be asked about, to have its results copied. */
export const jobStages = ['sending', 'polling', 'collecting', 'deleting'] as const;
/** What a job waits for. */
export type JobStage = (typeof jobStages)[number];

const isConfirmed = sql`${jobs.providerJobId} is not null`;
/** Which jobs wait for what. */
export const stageConditions = {
  sending: sql`(${jobs.status} in ('CREATED', 'UNKNOWN') or (${jobs.status} = 'PENDING' and not ${isConfirmed}))`,
  polling: sql`((${jobs.status} in ('RUNNING', 'CANCELLING') and not ${jobs.resultsWaiting}) or
    (${jobs.status} = 'PENDING' and ${isConfirmed}))`,
  collecting: sql`((${jobs.status} in ('COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED') and not ${jobs.collected}) or
    (${jobs.status} in ('RUNNING', 'CANCELLING') and ${jobs.resultsWaiting}))`,
  deleting: sql`(${jobs.collected} and ${jobs.providerFiles} = 'DELETING')`,
} as const satisfies Record<JobStage, SQL>;

/**
 * Jobs whose time has come by our clock and that nobody holds by the database's, by turns: the first of each
 * organization, then the second of each. What is being worked on counts as before what waits, so that whoever has much
 * in work already comes after those who have not.
 */
export async function jobsDue(
  _worker: WorkerScope,
  db: Queryable,
  wanted: { stage: JobStage; now: Date },
  limit: number,
): Promise<PlacedJob[]> {
  const isFree = sql`(${jobs.leaseUntil} is null or ${jobs.leaseUntil} < clock_timestamp())`;
  const due = db.$with('due').as(
    db
      .select({
        id: jobs.id,
        status: jobs.status,
        collected: jobs.collected,
        providerJobId: jobs.providerJobId,
        resultsWaiting: jobs.resultsWaiting,
        providerFiles: jobs.providerFiles,
        dueAt: jobs.dueAt,
        isFree: sql<boolean>`${isFree}`.as('is_free'),
        place:
          sql<number>`(row_number() over (partition by ${jobs.organizationId} order by ${isFree}, ${jobs.dueAt}, ${jobs.batchId}, ${jobs.number}) - 1)::int`.as(
            'place',
          ),
      })
      .from(jobs)
      .where(and(isNotNull(jobs.dueAt), lte(jobs.dueAt, wanted.now), stageConditions[wanted.stage])),
  );
  const { id, status, collected, providerJobId, resultsWaiting, providerFiles, place } = due;
  return db
    .with(due)
    .select({ id, status, collected, providerJobId, resultsWaiting, providerFiles, place })
    .from(due)
    .where(sql`${due.isFree}`)
    .orderBy(due.place, due.dueAt)
    .limit(limit);
}

/** A job that a sync was asked for, with the number of that sync. */
export type WantedJob = DueJob & Pick<JobRow, 'syncRequested'>;

/** The next sync's number: that of the one that was asked for and whose poll has not begun, or a new one. */
export const oneMoreSync = sql`case when ${jobs.syncRequested} > ${jobs.syncBegun} then ${jobs.syncRequested}
  else ${jobs.syncRequested} + 1 end`;

/** The jobs that their provider is known to have and to be working on. */
export const isPolled = and(
  inArray(jobs.status, ['PENDING', 'RUNNING', 'CANCELLING']),
  isNotNull(jobs.providerJobId),
);

/**
 * Asks for a poll of every job of a batch that its provider is working on. A sync that was asked for and whose
 * poll has not begun is joined: `sync_begun` rises when a poll takes the lease.
 */
export async function wantSync(
  scope: Scope,
  tx: Queryable,
  batchId: string,
  now: Date,
): Promise<WantedJob[]> {
  return tx
    .update(jobs)
    .set({ syncRequested: oneMoreSync, dueAt: now })
    .where(and(eq(jobs.batchId, batchId), inScope(scope, jobs.organizationId), isPolled))
    .returning({
      id: jobs.id,
      status: jobs.status,
      collected: jobs.collected,
      providerJobId: jobs.providerJobId,
      resultsWaiting: jobs.resultsWaiting,
      providerFiles: jobs.providerFiles,
      syncRequested: jobs.syncRequested,
    });
}

/** One page of each batch's jobs by number, one batch after the other. */
export async function batchJobPages(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
  page: { limit: number; order: 'ascending' | 'descending'; beyond: number | null },
  columns: Columns<typeof jobs> = null,
): Promise<JobRow[]> {
  const ascending = page.order === 'ascending';
  const byNumber = sql`${jobs.number} ${ascending ? sql`asc` : sql`desc`}`;
  const beyond =
    page.beyond === null
      ? undefined
      : ascending
        ? sql`${jobs.number} > ${page.beyond}`
        : sql`${jobs.number} < ${page.beyond}`;
  const ofBatch = and(sql`${jobs.batchId} = b.id`, inScope(scope, jobs.organizationId), beyond);
  return readRows(
    db,
    jobs,
    columns,
    (
      selected,
    ) => sql`select j.* from unnest(${sql.param([...batchIds])}::uuid[]) as b(id) cross join lateral (
      select ${selected} from ${jobs} where ${ofBatch ?? sql`true`} order by ${byNumber} limit ${page.limit}) j`,
  );
}

/** How many jobs each batch has; a batch without any is left out. */
export async function countBatchJobs(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
): Promise<Map<string, number>> {
  const rows = await db
    .select({ batchId: jobs.batchId, count: sql<number>`count(*)::int` })
    .from(jobs)
    .where(and(inArray(jobs.batchId, [...batchIds]), inScope(scope, jobs.organizationId)))
    .groupBy(jobs.batchId);
  return new Map(rows.map((row) => [row.batchId, row.count]));
}
