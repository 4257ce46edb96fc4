/**
 * What a batch counts and sums after a change: its items by state, tokens, costs, and what it holds of a budget. Pure;
 * `transition.ts` writes it.
 */
import type { BatchPatch } from '../db/queries/batches.ts';
import type { ReopenedCounts } from '../db/queries/retries.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { applyDelta } from '../domain/batch.ts';
import { heldAfter } from '../domain/budget.ts';
import { estimateOf, plusRange } from '../domain/cost.ts';
import { type Decimal, plusKnown } from '../domain/decimal.ts';
import { itemsArePending } from '../domain/job.ts';
import { isUnderWay } from '../domain/status.ts';
import { totalOf } from '../domain/tally.ts';
import { usageFields } from '../domain/usage.ts';
import type { BatchChange } from './batch-change.ts';

/**
 * The six counts and the total. A job that leaves CREATED takes its items from pending to submitted, and back; one that
 * is at its provider already when it comes here has left it.
 */
export function countsAfter(
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
export function usageAfter(batch: BatchRow, { settled }: BatchChange): BatchPatch {
  if (settled === undefined) return {};
  return Object.fromEntries(
    usageFields.map((field) => {
      const more = settled.tally[field];
      return [field, more === null ? batch[field] : (batch[field] ?? 0) + more];
    }),
  );
}

/** Costs: of results that which is known, of requests nothing unless all of them could be estimated. */
export function costAfter(batch: BatchRow, { settled, added }: BatchChange): BatchPatch {
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

/** What the batch holds of its organization's budget: as it closes what it was thought to cost, then what is left of it. */
export function reservedAfter(
  batch: BatchRow,
  { batch: patch, settled, reserve }: BatchChange,
): Decimal | null {
  const closes = batch.closedAt === null && patch?.closedAt !== undefined;
  const done = settled === undefined ? 0 : totalOf(settled.tally);
  return heldAfter(
    { isUnderWay: isUnderWay(batch.status), reserved: batch.reserved },
    {
      cost: settled?.tally.cost ?? null,
      goesOn: batch.pending + batch.submitted > done,
      begun: closes ? batch.estimatedCostHigh : reserve,
    },
  );
}
