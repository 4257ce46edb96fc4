/**
 * The only writer of a batch's or job's state. Every change goes through here: the batch's row is locked, the
 * verb decides what to change on the state it finds, and row, jobs, counts, event, notification and tasks are
 * written in one transaction; so is what a callback URL is told of an end. What a verb may not do is publish, count or
 * compute a status by itself.
 *
 * Owned: the invariants (counts sum to the total, status follows from jobs and items, version equals the newest
 * event). Left to the verbs: what happened. Lock order is batch, then job, then rows.
 */
import { announceEnd } from '../callbacks/announce.ts';
import type { Queryable } from '../db/client.ts';
import { type BatchPatch, lockBatch, updateBatch } from '../db/queries/batches.ts';
import { insertEvent } from '../db/queries/events.ts';
import { insertJobs, type JobPatch, jobsOfBatch, type NewJob, updateJob } from '../db/queries/jobs.ts';
import type { Tally } from '../db/queries/results.ts';
import type { ReopenedCounts } from '../db/queries/retries.ts';
import { addTask } from '../db/queries/tasks.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { applyDelta, batchStatus, jobFacts } from '../domain/batch.ts';
import { type CostRange, estimateOf, plusRange } from '../domain/cost.ts';
import { plusKnown } from '../domain/decimal.ts';
import type { EventKind } from '../domain/event.ts';
import { itemsArePending, mayMove, workOf } from '../domain/job.ts';
import type { JsonObject } from '../domain/json-line.ts';
import type { Scope } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { usageFields } from '../domain/usage.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import { failureAfter, notOver, timesAfter } from './batch-times.ts';
import { totalOf } from './tally.ts';
import { taskFor } from './work.ts';

/** What a verb finds: the locked batch, its jobs, and the number that its event will have. */
export interface LockedBatch {
  readonly batch: BatchRow;
  readonly jobs: readonly JobRow[];
  readonly seq: number;
  readonly now: Date;
}

/** A change of one job. With `epoch`, only under that lease. */
export interface JobChange {
  readonly job: JobRow;
  readonly set: JobPatch;
  readonly epoch?: number;
}

/** What a verb wants changed; counts, status, times, event and tasks follow from it. */
export interface BatchChange {
  /** Null for what changes nothing but jobs and is told to nobody. */
  readonly event: EventKind | null;
  /** Facts for the event, beside the status: numbers and words, never bodies. */
  readonly data?: JsonObject;
  readonly batch?: BatchPatch;
  readonly added?: {
    readonly requests: number;
    readonly bytes: number;
    readonly estimate: CostRange | null;
  };
  readonly newJobs?: readonly NewJob[];
  /** Failed requests that `newJobs` try again, by what became of them before; they are pending now. */
  readonly reopened?: ReopenedCounts;
  readonly jobs?: readonly JobChange[];
  /** Results that this transaction inserted, and what their items counted as before. */
  readonly settled?: { readonly tally: Tally; readonly from: 'pending' | 'submitted' };
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
  if (change.event === null) return batch;
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
    ...(ended ? { dueAt: null, ...failureAfter(status, jobs) } : {}),
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
  await wake(
    tx,
    jobs.filter((job) => !isStillHeld(job, change)),
    locked,
  );
  return updated;
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

/**
 * The six counts and the total. A job that leaves CREATED takes its items from pending to submitted, and back; one that
 * is at its provider already when it comes here has left it.
 */
function countsAfter(
  batch: BatchRow,
  { added, newJobs = [], jobs = [], settled, reopened = noneReopened }: BatchChange,
) {
  const crossing = jobs.reduce((sum, { job, set }) => {
    const before = itemsArePending(job.status) ? 0 : 1;
    const after = itemsArePending(set.status ?? job.status) ? 0 : 1;
    return sum + (after - before) * job.requestCount;
  }, 0);
  const arrived = newJobs.filter(({ status }) => !itemsArePending(status));
  const leaving = crossing + arrived.reduce((sum, { requestCount }) => sum + requestCount, 0);
  const tally = settled?.tally;
  const done = tally === undefined ? 0 : totalOf(tally);
  const requests = added?.requests ?? 0;
  const again = reopened.errored + reopened.expired + reopened.cancelled;
  return {
    total: batch.total + requests,
    bytes: batch.bytes + (added?.bytes ?? 0),
    ...applyDelta(batch, {
      pending: requests + again - leaving - (settled?.from === 'pending' ? done : 0),
      submitted: leaving - (settled?.from === 'submitted' ? done : 0),
      succeeded: tally?.succeeded ?? 0,
      errored: (tally?.errored ?? 0) - reopened.errored,
      expired: (tally?.expired ?? 0) - reopened.expired,
      cancelled: (tally?.cancelled ?? 0) - reopened.cancelled,
    }),
  };
}

const noneReopened: ReopenedCounts = { errored: 0, expired: 0, cancelled: 0 };

/** Token sums; unknown stays null until something is known. */
function usageAfter(batch: BatchRow, { settled }: BatchChange): BatchPatch {
  if (settled === undefined) return {};
  return Object.fromEntries(
    usageFields.map((field) => {
      const more = settled.tally[field];
      return [field, more === null ? batch[field] : (batch[field] ?? 0) + more];
    }),
  );
}

/** Costs: of results that which is known, of requests nothing unless all of them could be estimated. */
function costAfter(batch: BatchRow, { settled, added }: BatchChange): BatchPatch {
  const estimate = added === undefined ? null : plusRange(estimateOf(batch), added.estimate);
  return {
    ...(settled === undefined
      ? {}
      : {
          cost: plusKnown(batch.cost, settled.tally.cost),
          saved: plusKnown(batch.saved, settled.tally.saved),
          unpriced: batch.unpriced + settled.tally.unpriced,
        }),
    ...(added === undefined
      ? {}
      : { estimatedCostLow: estimate?.low ?? null, estimatedCostHigh: estimate?.high ?? null }),
  };
}

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
