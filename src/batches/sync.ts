/**
 * `syncBatch`: asks the provider now instead of at the next scheduled poll, and waits a little for the answer.
 * Calls that come before the poll they asked for has begun share it: fifty at once make one call to the
 * provider. An open batch has nothing to ask about, a finished one is answered as it is.
 */
import { findBatch, lockBatch } from '../db/queries/batches.ts';
import { jobsOfBatch, wantSync } from '../db/queries/jobs.ts';
import { addTask, firstPlace } from '../db/queries/tasks.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { workOf } from '../domain/job.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { isFinalJob, isTerminalBatch } from '../domain/status.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import { taskFor } from './work.ts';

/** The batch after the sync; `settled` tells whether the provider's answer is in it. */
export interface SyncedBatch {
  readonly batch: BatchRow;
  readonly settled: boolean;
}

/**
 * Wakes the worker and waits, `syncWaitSeconds` at the most, until every job of the batch was polled after this
 * call began and what was ready is copied. Throws `NotFoundError`.
 */
export async function syncBatch(
  services: Services,
  scope: OrganizationScope,
  batchId: string,
): Promise<SyncedBatch> {
  // Followed before it is asked for, so that the answer cannot slip through in between.
  const follower = services.hub.follow({ batchId });
  const timeout = setTimeout(() => follower.close(), services.settings.syncWaitSeconds * 1000);
  try {
    const askedAt = services.clock.now();
    const wanted = await ask(services, scope, batchId);
    for (;;) {
      // The jobs first: a batch that is read after them has all that settled them.
      const jobs = await services.db.read((db) => jobsOfBatch(scope, db, batchId));
      const batch = await services.db.read((db) => findBatch(scope, db, batchId));
      if (batch === null) throw new NotFoundError('batch', batchId);
      if (batch.closedAt === null || isTerminalBatch(batch.status)) return { batch, settled: true };
      if (jobs.every((job) => isSettled(job, wanted, askedAt))) return { batch, settled: true };
      if ((await follower.next()) === 'closed') return { batch, settled: false };
    }
  } finally {
    clearTimeout(timeout);
    follower.close();
  }
}

/** Records the wish on every job that the provider is working on; answers which sync of each to wait for. */
async function ask(
  services: Services,
  scope: OrganizationScope,
  batchId: string,
): Promise<Map<string, number>> {
  return services.db.transaction(async (tx) => {
    // The batch before its jobs, as everywhere: two that change several of them would else wait for each other.
    await lockBatch(scope, tx, batchId);
    const wanted = await wantSync(scope, tx, batchId, services.clock.now());
    for (const job of wanted) {
      const work = workOf(job);
      if (work !== null) await addTask(tx, taskFor[work], job.id, firstPlace);
    }
    return new Map(wanted.map((job) => [job.id, job.syncRequested]));
  });
}

/** Settled: over and copied, asked about since, or not to be sent yet. A job that nobody has confirmed yet has had no answer. */
function isSettled(job: JobRow, wanted: ReadonlyMap<string, number>, askedAt: Date): boolean {
  if (isFinalJob(job.status)) return job.collected;
  // What is sent only later, nobody can be asked about before.
  if (job.status === 'CREATED' && job.intentAt === null && job.dueAt !== null && job.dueAt > askedAt)
    return true;
  const number = wanted.get(job.id);
  if (job.resultsWaiting) return false;
  if (number !== undefined) return job.syncServed >= number;
  return job.lastSyncedAt !== null && job.lastSyncedAt >= askedAt;
}
