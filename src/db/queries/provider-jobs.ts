/** Statements on which job a provider's batch is, whoever's it is: organizations may share the provider's account. */
import { and, eq, inArray, ne, or, sql } from 'drizzle-orm';
import { unprovenWords } from '../../domain/recovery.ts';
import type { WorkerScope } from '../../domain/scope.ts';
import { isFinalJob, jobStatuses } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { type JobRow, jobs } from '../tables/jobs.ts';

/** A provider's batch that somebody names. */
export interface NamedJob {
  readonly provider: string;
  readonly providerJobId: string;
}

/** Until the transaction ends, nobody else makes the batch a job's by its name. */
export async function lockProviderJob(
  _worker: WorkerScope,
  tx: Queryable,
  { provider, providerJobId }: NamedJob,
): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`${provider} ${providerJobId}`}, 0))`);
}

/** A job that has a batch, and whose. */
export type JobHolding = Pick<JobRow, 'id' | 'organizationId'>;

/** The jobs that name the batch, proven or not, or that were sent with one of these marks. */
export async function jobsHolding(
  _worker: WorkerScope,
  db: Queryable,
  { provider, providerJobId }: NamedJob,
  marks: readonly string[],
): Promise<JobHolding[]> {
  return db
    .select({ id: jobs.id, organizationId: jobs.organizationId })
    .from(jobs)
    .where(
      and(
        eq(jobs.provider, provider),
        or(
          eq(jobs.providerJobId, providerJobId),
          inArray(jobs.nonce, [...marks]),
          inArray(jobs.callbackToken, [...marks]),
        ),
      ),
    );
}

/**
 * Which of these provider batches belong to other jobs than this one. A batch that another job was given before
 * anything has proven it does not belong to it before it has ended.
 */
export async function providerJobsOfOthers(
  _worker: WorkerScope,
  db: Queryable,
  job: Pick<JobRow, 'id' | 'provider'>,
  providerJobIds: readonly string[],
): Promise<Set<string>> {
  if (providerJobIds.length === 0) return new Set();
  const rows = await db
    .select({ providerJobId: jobs.providerJobId })
    .from(jobs)
    .where(
      and(
        eq(jobs.provider, job.provider),
        inArray(jobs.providerJobId, [...providerJobIds]),
        ne(jobs.id, job.id),
        or(
          inArray(jobs.status, jobStatuses.filter(isFinalJob)),
          sql`coalesce(${jobs.evidence} ->> 'proof', '') <> all(${sql.param(unprovenWords)}::text[])`,
        ),
      ),
    );
  return new Set(rows.map((row) => row.providerJobId).filter((id) => id !== null));
}
