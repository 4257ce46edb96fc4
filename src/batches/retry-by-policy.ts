/**
 * A batch's own retry: where its last open request is settled, what failed in a way that may pass goes into the next
 * attempt, in the same transaction, so that nobody is told of an end that is none. Owns whether and with what; which
 * failures and when are `domain/retry.ts`.
 */
import type { Queryable } from '../db/client.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { attemptAt, hasAttemptLeft, policyOf, transientFailures } from '../domain/retry.ts';
import { workerScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';
import { failedReadings, nextAttempt } from './next-attempt.ts';
import { type MeasureReadings, planPossibleJobs } from './plan-jobs.ts';
import { totalOf } from './tally.ts';
import type { BatchChange, LockedBatch } from './transition.ts';

/**
 * The change, and the next attempt with it where the change would end the batch and its policy has one left. What is
 * too little for the provider's smallest job stays failed; the event tells of how many requests that is.
 */
export async function retriedByPolicy(
  services: Pick<Services, 'clock' | 'providers'>,
  tx: Queryable,
  locked: LockedBatch,
  change: BatchChange,
): Promise<BatchChange> {
  const { batch, now } = locked;
  const policy = policyOf(batch);
  const isLeft = hasAttemptLeft(policy, {
    attempts: batch.attempts,
    cancelRequested: batch.cancellingAt !== null,
  });
  const entry = services.providers.find(batch.provider);
  if (policy === null || !isLeft || entry === null || !ends(batch, change)) return change;
  const transient = counted(failedReadings(workerScope, tx, batch.id, transientFailures, null));
  const planned = await planPossibleJobs(entry.provider, transient.readings);
  const left = transient.count() - planned.reduce((sum, { requestCount }) => sum + requestCount, 0);
  const data = { ...change.data, ...(left === 0 ? {} : { belowMinimum: left }) };
  if (planned.length === 0) return { ...change, data };
  const { backoffSeconds } = policy;
  const dueAt = attemptAt({ now, attempt: batch.attempts + 1, backoffSeconds, random: Math.random() });
  // As whom an organization's own credential sends is known when it is opened, and it is not opened for this.
  const sender = { ...entry, credential: batch.credentialId === null ? entry.credential : null };
  const next = await nextAttempt(services, workerScope, tx, locked, { sender, planned, dueAt });
  return { ...change, ...next, data: { ...data, ...next.data, at: dueAt.toISOString() } };
}

/** Whether no request is open any more after the change. */
const ends = ({ pending, submitted }: BatchRow, { settled }: BatchChange): boolean =>
  settled !== undefined && totalOf(settled.tally) > 0 && pending + submitted === totalOf(settled.tally);

/** The same readings, and how many requests there were in them. */
function counted(readings: MeasureReadings): { readings: MeasureReadings; count(): number } {
  let count = 0;
  async function* counting(): MeasureReadings {
    for await (const items of readings) {
      count += items.length;
      yield items;
    }
  }
  return { readings: counting(), count: () => count };
}
