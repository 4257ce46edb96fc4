/**
 * The jobs of one batch, followed: each job once at the start, then each that changed, in its newest state. A
 * subscriber that reads slowly skips states in between, never the last one.
 */
import { findBatch } from '../db/queries/batches.ts';
import { jobsOfBatch } from '../db/queries/jobs.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { Scope } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import type { Follower } from './hub.ts';
import { followed, type Stream } from './stream.ts';

/**
 * The changed jobs of a batch, by number. Ends when the batch is terminal or deleted. Throws `NotFoundError`
 * where the scope has no such batch.
 */
export async function followJobs(
  { db, hub }: Pick<Services, 'db' | 'hub'>,
  scope: Scope,
  batchId: string,
): Promise<Stream<JobRow>> {
  const batch = await db.read((q) => findBatch(scope, q, batchId));
  if (batch === null) throw new NotFoundError('batch', batchId);
  return followed(hub, { batchId }, (follower) => changedJobs(db, scope, batchId, follower));
}

async function* changedJobs(
  db: Services['db'],
  scope: Scope,
  batchId: string,
  follower: Follower,
): AsyncGenerator<JobRow, void, undefined> {
  let last = 0;
  for (;;) {
    const batch = await db.read((q) => findBatch(scope, q, batchId));
    if (batch === null) return;
    const jobs = await db.read((q) => jobsOfBatch(scope, q, batchId));
    // A job that changes after this reading is newer than `last` and comes in the next round.
    const seen = Math.max(last, batch.version, ...jobs.map((job) => job.version));
    for (const job of jobs) if (job.version > last) yield job;
    last = seen;
    if (isTerminalBatch(batch.status)) return;
    if ((await follower.next()) === 'closed') return;
  }
}
