/**
 * The only writer of a batch's or job's state. Every change goes through here: the batch's row is locked, the
 * verb decides what to change on the state it finds, and row, jobs, counts, event, notification and tasks are
 * written in one transaction; so is what a callback URL is told of an end. What a verb may not do is publish, count or
 * compute a status by itself.
 *
 * Owned: the invariants (counts sum to the total, status follows from jobs and items, version equals the newest
 * event). Left to the verbs: what happened. Lock order is batch, then job, then rows, then a month of money.
 */
import { announceEnd } from '../callbacks/announce.ts';
import type { Queryable } from '../db/client.ts';
import { lockBatch, updateBatch } from '../db/queries/batches.ts';
import { insertEvent } from '../db/queries/events.ts';
import { insertJobs, jobsOfBatch, updateJob } from '../db/queries/jobs.ts';
import { addTask } from '../db/queries/tasks.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { batchStatus, jobFacts } from '../domain/batch.ts';
import { mayMove, workOf } from '../domain/job.ts';
import type { Scope } from '../domain/scope.ts';
import { isTerminalBatch, isUnderWay } from '../domain/status.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import type { BatchChange } from './batch-change.ts';
import { costAfter, countsAfter, reservedAfter, usageAfter } from './batch-sums.ts';
import { failureAfter, notOver, timesAfter } from './batch-times.ts';
import { budgetWarning } from './budget.ts';
import { passRoom } from './pass-room.ts';
import { taskFor } from './work.ts';

/** What a verb finds: the locked batch, its jobs, and the number that its event will have. */
export interface LockedBatch {
  readonly batch: BatchRow;
  readonly jobs: readonly JobRow[];
  readonly seq: number;
  readonly now: Date;
}

type Parts = Pick<Services, 'clock' | 'settings' | 'origin'>;

/** The lease under which a job was being worked on is held by another worker now; nothing was written. */
export class LeaseLostError extends Error {
  constructor() {
    super('another worker holds the job');
    this.name = 'LeaseLostError';
  }
}

/**
 * Locks the batch, asks `decide` what to change, and writes all of it; `null` from `decide` changes nothing.
 * Answers the batch as it then is. Throws `NotFoundError` where the scope has no such batch.
 */
export async function transition(
  services: Parts,
  scope: Scope,
  tx: Queryable,
  batchId: string,
  decide: (locked: LockedBatch) => Promise<BatchChange | null> | BatchChange | null,
): Promise<BatchRow> {
  const batch = await lockBatch(scope, tx, batchId);
  if (batch === null) throw new NotFoundError('batch', batchId);
  const jobs = await jobsOfBatch(scope, tx, batchId);
  const now = services.clock.now();
  const seq = batch.version + 1;
  const change = await decide({ batch, jobs, seq, now });
  if (change === null) return batch;
  return write(services, scope, tx, { batch, jobs, seq, now }, change);
}

async function write(
  services: Parts,
  scope: Scope,
  tx: Queryable,
  locked: LockedBatch,
  change: BatchChange,
): Promise<BatchRow> {
  const { batch, seq, now } = locked;
  const version = change.event === null ? batch.version : seq;
  for (const { job, set, epoch } of change.jobs ?? []) {
    if (set.status !== undefined && set.status !== job.status && !mayMove(job.status, set.status)) {
      throw new Error(`a job cannot go from ${job.status} to ${set.status}`);
    }
    const written = await updateJob(scope, tx, job.id, { ...set, updatedAt: now, version }, epoch ?? null);
    if (!written) throw new LeaseLostError();
  }
  if (change.event === null) {
    const dueAt = change.batch?.dueAt;
    return dueAt === undefined ? batch : updateBatch(scope, tx, batch.id, { dueAt });
  }
  if (change.newJobs !== undefined) await insertJobs(scope, tx, change.newJobs);

  const jobs = jobsAfter(locked, change);
  const patch = {
    ...change.batch,
    ...usageAfter(batch, change),
    ...costAfter(batch, change),
    ...countsAfter(batch, change),
    ...(change.reopened === undefined ? {} : notOver),
    attempts: Math.max(batch.attempts, ...(change.newJobs ?? []).map(({ attempt }) => attempt)),
  };
  const after: BatchRow = { ...batch, ...onlyKnown(patch) };
  const status = batchStatus({
    open: after.closedAt === null,
    total: after.total,
    counts: after,
    cancelRequested: after.cancellingAt !== null,
    jobs: jobs.map(jobFacts),
  });
  const ended = isTerminalBatch(status) && !isTerminalBatch(batch.status);
  const updated = await updateBatch(scope, tx, batch.id, {
    ...patch,
    ...timesAfter(after, status, jobs, now),
    // A verb that says why the batch ended so knows it better than its jobs.
    ...(ended ? { dueAt: null, ...(after.errorCode === null ? failureAfter(status, jobs) : {}) } : {}),
    reserved: isUnderWay(status) ? reservedAfter(batch, change) : null,
    status,
    version: seq,
    updatedAt: now,
    ...(scope.kind === 'organization' ? { lastUpdatedBy: scope.apiKeyId } : {}),
  });
  const event = {
    batchId: batch.id,
    organizationId: batch.organizationId,
    seq,
    kind: ended ? ('BATCH_ENDED' as const) : change.event,
    data: { status, ...change.data },
    at: now,
  };
  await insertEvent(scope, tx, event, services.settings);
  if (ended) await announceEnd(services, scope, tx, updated, now);
  await passRoom(
    tx,
    (change.jobs ?? []).map(({ job, set }) => ({ before: job, after: set.status ?? job.status })),
    now,
  );
  await wake(
    tx,
    jobs.filter((job) => !isStillHeld(job, change)),
    locked,
  );
  return warned(services, scope, tx, locked, updated);
}

/** The batch, and the event that tells where it brought its organization near to the end of its budget. */
async function warned(
  { settings }: Parts,
  scope: Scope,
  tx: Queryable,
  { batch, now: at }: LockedBatch,
  updated: BatchRow,
): Promise<BatchRow> {
  const warning = await budgetWarning(scope, tx, batch, updated, at);
  if (warning === null) return updated;
  const { id: batchId, organizationId, status } = updated;
  const seq = updated.version + 1;
  const data = { status, ...warning };
  await insertEvent(scope, tx, { batchId, organizationId, seq, kind: 'BUDGET_WARNING', data, at }, settings);
  return updateBatch(scope, tx, batchId, { version: seq, updatedAt: at });
}

/** The jobs as they are once the change is written. Only what status and tasks depend on needs to be right. */
type JobState = Pick<
  JobRow,
  | 'id'
  | 'attempt'
  | 'status'
  | 'finalizing'
  | 'collected'
  | 'resultsWaiting'
  | 'providerFiles'
  | 'providerJobId'
  | 'dueAt'
  | 'version'
  | 'submittedAt'
  | 'expiresAt'
  | 'resultsExpireAt'
  | 'lastSyncedAt'
  | 'errorCode'
  | 'errorMessage'
>;

function jobsAfter(locked: LockedBatch, change: BatchChange): JobState[] {
  const changes = new Map((change.jobs ?? []).map(({ job, set }) => [job.id, set]));
  const old = locked.jobs.map((job): JobState => {
    const set = changes.get(job.id);
    return set === undefined ? job : { ...job, ...onlyKnown(set), version: locked.seq };
  });
  const made = (change.newJobs ?? []).map(
    (job): JobState => ({
      id: job.id,
      attempt: job.attempt,
      status: job.status,
      finalizing: false,
      collected: false,
      resultsWaiting: false,
      providerFiles: job.providerFiles ?? 'KEPT',
      providerJobId: job.providerJobId ?? null,
      dueAt: job.dueAt ?? null,
      version: locked.seq,
      submittedAt: null,
      expiresAt: null,
      resultsExpireAt: null,
      lastSyncedAt: null,
      errorCode: null,
      errorMessage: null,
    }),
  );
  return [...old, ...made];
}

/** A patch without the keys that it leaves undefined. */
const onlyKnown = <Patch extends object>(
  set: Patch,
): { [Key in keyof Patch]?: Exclude<Patch[Key], undefined> } =>
  Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined)) as Patch;

/** Whether the worker that makes this change goes on with the job; then nobody else need be woken for it. */
const isStillHeld = ({ id }: JobState, { jobs = [] }: BatchChange): boolean =>
  jobs.some(({ job, set, epoch }) => job.id === id && epoch !== undefined && set.leaseUntil !== null);

/** A task for every job of this change that has work due now; the sweep finds the others when their time comes. */
async function wake(tx: Queryable, jobs: readonly JobState[], { seq, now }: LockedBatch): Promise<void> {
  for (const job of jobs) {
    if (job.version !== seq || job.dueAt === null || job.dueAt > now) continue;
    const work = workOf(job);
    if (work !== null) await addTask(tx, taskFor[work], job.id);
  }
}
