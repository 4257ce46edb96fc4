/**
 * A batch's own retry: where its last open request is settled, what failed in a way that may pass goes into the next
 * attempt, in the same transaction, so that nobody is told of an end that is none. Owns whether and with what; which
 * failures and when are `domain/retry.ts`.
 */
import type { Queryable } from '../db/client.ts';
import { budgetExceededCode } from '../db/queries/budgets.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { zero } from '../domain/decimal.ts';
import { attemptAt, hasAttemptLeft, policyOf, transientFailures } from '../domain/retry.ts';
import { workerScope } from '../domain/scope.ts';
import { totalOf } from '../domain/tally.ts';
import { BudgetExceededError } from '../errors.ts';
import type { Services } from '../services.ts';
import type { BatchChange } from './batch-change.ts';
import { refuseBeyondBudget } from './budget.ts';
import { estimateAgain } from './estimate.ts';
import { failedReadings, nextAttempt } from './next-attempt.ts';
import { type MeasureReadings, planPossibleJobs } from './plan-jobs.ts';
import type { LockedBatch } from './transition.ts';

/**
 * The change, and the next attempt with it where the change would end the batch and its policy has one left. What is
 * too little for the provider's smallest job stays failed, and the event tells of how many requests that is; so does all
 * of it where the organization's budget has no room for it, and then the batch ends and says so.
 */
export async function retriedByPolicy(
  services: Pick<Services, 'clock' | 'prices' | 'providers' | 'settings'>,
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
  const planned = await planPossibleJobs(services, entry.provider, transient.readings);
  const left = transient.count() - planned.reduce((sum, { requestCount }) => sum + requestCount, 0);
  const data = { ...change.data, ...(left === 0 ? {} : { belowMinimum: left }) };
  if (planned.length === 0) return { ...change, data };
  const estimated = await estimateAgain(services, workerScope, tx, { batch, planned, at: now });
  // What is held for the attempt that ends here is free again.
  const refusal = await refusalOf(() =>
    refuseBeyondBudget(workerScope, tx, batch, { estimated, kept: zero }, now),
  );
  if (refusal !== null) {
    const { code, message: errorMessage } = refusal;
    return {
      ...change,
      data: { ...data, notRetried: code },
      batch: { ...change.batch, errorCode: budgetExceededCode, errorMessage },
    };
  }
  const { backoffSeconds } = policy;
  const dueAt = attemptAt({ now, attempt: batch.attempts + 1, backoffSeconds, random: Math.random() });
  // As whom an organization's own credential sends is known when it is opened, and it is not opened for this.
  const sender = { ...entry, credential: batch.credentialId === null ? entry.credential : null };
  const next = await nextAttempt(services, workerScope, tx, locked, {
    sender,
    planned,
    dueAt,
    estimated,
  });
  return { ...change, ...next, data: { ...data, ...next.data, at: dueAt.toISOString() } };
}

/** The refusal that `ask` throws; null where it throws none. */
async function refusalOf(ask: () => Promise<void>): Promise<BudgetExceededError | null> {
  try {
    await ask();
    return null;
  } catch (error) {
    if (error instanceof BudgetExceededError) return error;
    throw error;
  }
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
