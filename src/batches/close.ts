/**
 * Closes a batch: from then on it takes no requests, its items are split into jobs, and the jobs are due. Done
 * in the transaction of whatever closes it (a call, or the timer), so a batch is either open or fully planned.
 */
import { reachFor } from '../credentials/reach.ts';
import type { Queryable } from '../db/client.ts';
import { itemMeasures } from '../db/queries/items.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { SubmitRule } from '../domain/accumulation.ts';
import { zero } from '../domain/decimal.ts';
import type { Scope } from '../domain/scope.ts';
import type { Services } from '../services.ts';
import { refuseBeyondBudget } from './budget.ts';
import { type MeasureReadings, measuresPerReading, planJobs, toJobs } from './plan-jobs.ts';
import { transition } from './transition.ts';

/**
 * Closes the locked, non-empty batch. Throws `ValidationError` where its items cannot be split for the provider, and
 * `BudgetExceededError`; nothing is written then.
 */
export async function closeBatch(
  services: Services,
  scope: Scope,
  tx: Queryable,
  batchId: string,
): Promise<BatchRow> {
  return transition(services, scope, tx, batchId, async ({ batch, seq, now }) => {
    const entry = await reachFor(services, tx, batch, 'SEND');
    const planned = await planJobs(services, entry.provider, allMeasures(scope, tx, batch));
    await refuseBeyondBudget(scope, tx, batch, { estimated: batch.estimatedCostHigh, kept: zero }, now);
    const newJobs = toJobs(services, batch, entry, planned, { number: 1, attempt: 1, seq, now, dueAt: now });
    return {
      event: 'BATCH_CLOSED',
      data: { jobs: newJobs.length },
      batch: { closedAt: now, dueAt: null, errorCode: null, errorMessage: null },
      newJobs,
    };
  });
}

/** The rule of a batch, as the domain asks for it. */
export const ruleOf = (batch: BatchRow): SubmitRule =>
  batch.submitMode === 'WHEN'
    ? { kind: 'WHEN', requests: batch.whenRequests, bytes: batch.whenBytes, seconds: batch.whenSeconds }
    : { kind: batch.submitMode };

async function* allMeasures(scope: Scope, tx: Queryable, { id, total }: BatchRow): MeasureReadings {
  for (let from = 0; from < total; from += measuresPerReading) {
    yield await itemMeasures(scope, tx, id, { from, total, limit: measuresPerReading });
  }
}
