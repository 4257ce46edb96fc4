/** The statement on what of a batch is still under way, and how long jobs like it took. */
import { sql } from 'drizzle-orm';
import type { MeasuredRun, UnfinishedJob } from '../../domain/expected-completion.ts';
import type { Scope } from '../../domain/scope.ts';
import { isFinalJob, jobStatuses } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { jobs } from '../tables/jobs.ts';
import { inScope } from './scope.ts';

/** Of the jobs of one kind in a batch that are not over, what their end depends on. */
export interface UnfinishedJobs extends UnfinishedJob {
  readonly batchId: string;
  /** The newest jobs of the organization that completed at the same provider, for real or emulated, with the same model. */
  readonly runs: readonly MeasuredRun[];
}

const unfinished = jobStatuses.filter((status) => !isFinalJob(status));

/** How many of the newest runs of a kind are looked at. */
const runsRead = 100;

/**
 * The jobs of these batches that are not over. Those of a kind that were sent are told as one, and so are those that
 * wait: by the largest of them and the time of the last.
 */
export async function unfinishedJobs(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
): Promise<UnfinishedJobs[]> {
  const { rows } = await db.execute<{
    batchId: string;
    requestCount: number;
    submittedAt: string | null;
    runs: MeasuredRun[];
  }>(sql`
    select u.batch_id as "batchId", u.request_count as "requestCount", u.submitted_at as "submittedAt", r.runs
    from (
      select batch_id, organization_id, provider, sandbox, coalesce(model, '') as model,
        max(request_count) as request_count, max(submitted_at) as submitted_at
      from ${jobs}
      where batch_id = any(${sql.param([...batchIds])}::uuid[]) and status = any(${sql.param(unfinished)}) and ${inScope(scope, jobs.organizationId)}
      group by batch_id, organization_id, provider, sandbox, coalesce(model, ''), submitted_at is null
    ) u cross join lateral (
      select coalesce(json_agg(json_build_object('requestCount', n.request_count, 'seconds', n.seconds)), '[]') as runs
      from (
        select request_count, extract(epoch from completed_at - submitted_at)::float8 as seconds
        from ${jobs}
        where ${inScope(scope, jobs.organizationId)} and organization_id = u.organization_id and provider = u.provider and sandbox = u.sandbox
          and coalesce(model, '') = u.model and completed_at > submitted_at
        order by completed_at desc limit ${runsRead}
      ) n
    ) r`);
  return rows.map((row) => ({
    ...row,
    submittedAt: row.submittedAt === null ? null : new Date(row.submittedAt),
  }));
}
