/**
 * Whether every batch is what its jobs and items make of it. The rule is a function of the domain and stays there, so
 * batches are read, a chunk at a time; each is of one moment.
 */
import { sql } from 'drizzle-orm';
import { batchStatus, type ItemCounts, type JobState, jobFacts } from '../../domain/batch.ts';
import type { WorkerScope } from '../../domain/scope.ts';
import type { BatchStatus } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { type Finding, type Violation, violationsMax } from './check.ts';

/** A batch, as far as its status depends on it. */
interface Judged extends Record<string, unknown> {
  readonly id: string;
  readonly status: BatchStatus;
  readonly open: boolean;
  readonly total: number;
  readonly cancelRequested: boolean;
  readonly counts: ItemCounts;
  readonly jobs: readonly JobState[];
}

const batchesPerChunk = 1000;

/** Every batch has the status that the rule gives it. */
export async function checkStatuses(_worker: WorkerScope, db: Queryable): Promise<Finding> {
  let checked = 0;
  let broken = 0;
  const violations: Violation[] = [];
  let after: string | null = null;
  for (;;) {
    const chunk: Judged[] = await readChunk(_worker, db, after);
    for (const batch of chunk) {
      const due = batchStatus({ ...batch, jobs: batch.jobs.map(jobFacts) });
      if (due === batch.status) continue;
      broken += 1;
      const detail = `status ${batch.status}, and its jobs and requests make it ${due}`;
      if (violations.length < violationsMax) violations.push({ id: batch.id, detail });
    }
    checked += chunk.length;
    after = chunk.at(-1)?.id ?? null;
    if (after === null) return { checked, broken, violations };
  }
}

/** The next batches by id, each with its jobs, in one statement. */
async function readChunk(_worker: WorkerScope, db: Queryable, after: string | null): Promise<Judged[]> {
  const { rows } = await db.execute<Judged>(sql`
    select b.id::text, b.status, b.closed_at is null as open, b.total, b.cancelling_at is not null as "cancelRequested",
      json_build_object('pending', b.pending, 'submitted', b.submitted, 'succeeded', b.succeeded,
        'errored', b.errored, 'expired', b.expired, 'cancelled', b.cancelled) as counts,
      (select coalesce(json_agg(json_build_object('status', j.status, 'finalizing', j.finalizing,
        'providerJobId', j.provider_job_id)), '[]') from jobs j where j.batch_id = b.id) as jobs
    from batches b where ${after}::uuid is null or b.id > ${after}::uuid order by b.id limit ${batchesPerChunk}`);
  return rows;
}
