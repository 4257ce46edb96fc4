/**
 * The jobs of batches that changed, read for all who follow them: those at the same number of the same batch get the very
 * same rows.
 */
import type { Database } from '../db/client.ts';
import { findBatch } from '../db/queries/batches.ts';
import { jobsOfBatch } from '../db/queries/jobs.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { type Scope, sightOf } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { gathered, ofEachSight } from './gathering.ts';
import type { Step } from './stepped.ts';

/** Whose batch's jobs are asked about, and from which of its numbers on. */
interface JobsWanted {
  readonly scope: Scope;
  readonly batchId: string;
  readonly after: number;
}

/** Reads for all who follow jobs: those at the same number of the same batch get the same. */
export const jobReadings = (db: Database) =>
  gathered(
    ({ scope, batchId, after }: JobsWanted) => `${sightOf(scope)} ${batchId} ${after}`,
    ofEachSight((scope, wanted: readonly JobsWanted[]) =>
      Promise.all(wanted.map((each) => readJobs(db, scope, each))),
    ),
  );

async function readJobs(
  db: Database,
  scope: Scope,
  { batchId, after }: JobsWanted,
): Promise<Step<JobRow, number>> {
  const batch = await db.read((q) => findBatch(scope, q, batchId));
  if (batch === null) return { events: [], next: null };
  const jobs = await db.read((q) => jobsOfBatch(scope, q, batchId));
  // A job that changes after this reading is newer than `next` and comes in the next round.
  const newest = Math.max(after, batch.version, ...jobs.map((job) => job.version));
  return {
    events: jobs.filter((job) => job.version > after),
    next: isTerminalBatch(batch.status) ? null : newest,
  };
}
