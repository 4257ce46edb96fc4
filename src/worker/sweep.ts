/**
 * Wakes what is due. Reads only our own columns: whatever was missed, lost or killed shows there as a time that
 * has passed and a lease that nobody holds. Any number of processes may sweep at once.
 */
import { taskFor } from '../batches/work.ts';
import { deliverTask } from '../callbacks/announce.ts';
import { deleteAuditBefore } from '../db/queries/audit.ts';
import { batchesDue } from '../db/queries/batches.ts';
import { forgetUnneededSecrets } from '../db/queries/credentials.ts';
import { deliveriesDue } from '../db/queries/deliveries.ts';
import { deleteEventsBefore } from '../db/queries/events.ts';
import { forgetCalls } from '../db/queries/idempotency.ts';
import { jobStages, jobsDue } from '../db/queries/jobs.ts';
import { ensurePartitions } from '../db/queries/partitions.ts';
import { forgetCallbacks } from '../db/queries/provider-callbacks.ts';
import { batchesToRemove } from '../db/queries/removals.ts';
import { addTask, firstPlace } from '../db/queries/tasks.ts';
import { deleteUploadsBefore, uploadsAbandoned } from '../db/queries/uploads.ts';
import { forgottenBefore } from '../domain/idempotency.ts';
import { workOf } from '../domain/job.ts';
import { keptSince } from '../domain/retention.ts';
import { workerScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';

const rowsPerSweep = 1000;
/** Removing is slow and hurries nobody: few of many that are due at once wait in the queue. */
const removalsPerSweep = 20;

/**
 * Adds a task for everything that is due; answers how many. Asked every second, and by tests that turn the clock.
 * Jobs are told their place by turns over organizations: who has a thousand that wait is before another's one with one of
 * them. Each task is a statement of its own: one transaction around them would hold locks on all of them, in an order
 * that is not that of others who wake the same jobs.
 */
export async function sweep({ db, clock, settings }: Services): Promise<number> {
  const now = clock.now();
  const batchIds = await db.read((q) => batchesDue(workerScope, q, now, rowsPerSweep));
  for (const id of batchIds) await db.read((q) => addTask(q, 'batch.close', id, firstPlace));
  let tasks = batchIds.length;
  // Each kind of work has its own share: a thousand jobs that wait to be sent keep no poll from its turn.
  for (const stage of jobStages) {
    for (const job of await db.read((q) => jobsDue(workerScope, q, { stage, now }, rowsPerSweep))) {
      const work = workOf(job);
      if (work === null) continue;
      await db.read((q) => addTask(q, taskFor[work], job.id, job.place));
      tasks += 1;
    }
  }
  const deliveryIds = await db.read((q) => deliveriesDue(workerScope, q, now, rowsPerSweep));
  for (const id of deliveryIds) await db.read((q) => addTask(q, deliverTask, id));
  const uploadIds = await db.read((q) => uploadsAbandoned(workerScope, q, rowsPerSweep));
  for (const id of uploadIds) await db.read((q) => addTask(q, 'upload.discard', id));
  tasks += deliveryIds.length + uploadIds.length;
  const keptBefore = keptSince(now, settings.resultRetentionDays);
  return keptBefore === null ? tasks : tasks + (await wakeRemovals({ db }, keptBefore));
}

/** Adds a task for some of what was kept long enough, and for what is being removed; answers how many. */
async function wakeRemovals({ db }: Pick<Services, 'db'>, keptBefore: Date | null): Promise<number> {
  const ids = await db.read((q) => batchesToRemove(workerScope, q, keptBefore, removalsPerSweep));
  for (const id of ids) await db.read((q) => addTask(q, 'batch.remove-results', id));
  return ids.length;
}

const partitionMonthsAhead = 3;
const rowsPerRound = 5000;

/** How long a provider's call is remembered. A signed one would be refused by then, and a hint costs one question. */
const callbackDays = 3;

/**
 * Housekeeping: partitions for the months to come, events, uploads and entries of the audit trail older than their
 * retention, providers' calls of long ago, callers' keys of yesterday, secrets of revoked credentials that no job needs;
 * and what was being removed when its setting was taken away. Asked every hour.
 */
export async function keepHouse({ db, clock, settings }: Services): Promise<void> {
  const now = clock.now();
  await db.transaction((tx) => ensurePartitions(tx, now, partitionMonthsAhead));
  const before = new Date(now.getTime() - settings.eventRetentionDays * 86_400_000);
  const calledBefore = new Date(now.getTime() - callbackDays * 86_400_000);
  await db.read((q) => forgetCallbacks(workerScope, q, calledBefore));
  await db.read((q) => forgetCalls(workerScope, q, forgottenBefore(now)));
  await db.read((q) => forgetUnneededSecrets(workerScope, q));
  await wakeRemovals({ db }, null);
  for (const remove of [deleteEventsBefore, deleteAuditBefore, deleteUploadsBefore]) {
    let deleted: number;
    do deleted = await db.read((q) => remove(workerScope, q, before, rowsPerRound));
    while (deleted === rowsPerRound);
  }
}
