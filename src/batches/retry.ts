/**
 * `retryBatch`: puts requests that failed into new jobs, as the next attempt. What has an answer and what is under way
 * stays as it is, earlier attempts stay readable, and a batch that was over goes on.
 */
import { reachFor } from '../credentials/reach.ts';
import type { Queryable } from '../db/client.ts';
import { findItemViewsByCustomId } from '../db/queries/item-pages.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { customIdSchema } from '../domain/custom-id.ts';
import { zero } from '../domain/decimal.ts';
import {
  hasFailed,
  isSelected,
  type RetryBatchInput,
  type RetrySelection,
  retryRefusal,
  selectionOf,
} from '../domain/retry.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { type ItemStatus, isTerminalBatch } from '../domain/status.ts';
import {
  BatchStateError,
  type Issue,
  NothingToRetryError,
  ResultsRemovedError,
  ValidationError,
} from '../errors.ts';
import type { Services } from '../services.ts';
import { refuseBeyondBudget } from './budget.ts';
import { estimateAgain } from './estimate.ts';
import { callOnce } from './idempotency.ts';
import { failedReadings, nextAttempt } from './next-attempt.ts';
import { planJobs } from './plan-jobs.ts';
import { quotasOf, refuseHoldings } from './quotas.ts';
import { transition } from './transition.ts';

/** The batch after a retry, and what the retry was. */
export interface RetriedBatch {
  readonly batch: BatchRow;
  /** Whether the same call was made before, so that nothing was tried again now. */
  readonly replayed: boolean;
  /** The number of the attempt that it began. */
  readonly attempt: number;
  /** How many requests are tried again. */
  readonly requests: number;
}

/**
 * Tries failed requests of the batch again: those that `input` means, or all. Throws `NotFoundError`, `BatchStateError`
 * for one that is open or being cancelled, `ResultsRemovedError`, `NothingToRetryError` where none is meant, what `reachFor` throws,
 * `ValidationError` for named requests that did not fail and for groups that are too small for the provider,
 * `BudgetExceededError`, `QuotaExceededError`, and what `callOnce` throws.
 */
export async function retryBatch(
  services: Services,
  scope: OrganizationScope,
  batchId: string,
  { idempotencyKey: key, ...input }: RetryBatchInput,
): Promise<RetriedBatch> {
  const call = { verb: 'retryBatch', key, input: { batchId, ...input }, batchId };
  const { batch, answer, replayed } = await callOnce(services, scope, call, async (q) => {
    const { quotas } = await quotasOf(services, scope, q, scope.organizationId);
    return async (tx) => {
      let requests = 0;
      let wasOver = false;
      const retried = await transition(services, scope, tx, batchId, async (locked) => {
        const refusal = retryRefusal(locked.batch.status);
        if (refusal !== null) throw new BatchStateError(locked.batch.status, refusal);
        const { resultsRemovedAt } = locked.batch;
        if (resultsRemovedAt !== null) {
          throw new ResultsRemovedError(
            resultsRemovedAt,
            'The requests of the batch were removed, so none can be sent again.',
          );
        }
        const entry = await reachFor(services, tx, locked.batch, 'SEND');
        const selection = selectionOf(input);
        const among = await namedPositions(scope, tx, batchId, selection, input.filter?.customIds ?? null);
        const planned = await planJobs(
          services,
          entry.provider,
          failedReadings(scope, tx, batchId, selection, among),
        );
        if (planned.length === 0) throw new NothingToRetryError();
        requests = planned.reduce((sum, { requestCount }) => sum + requestCount, 0);
        const { now } = locked;
        wasOver = isTerminalBatch(locked.batch.status);
        const estimated = await estimateAgain(services, scope, tx, { batch: locked.batch, planned, at: now });
        const kept = locked.batch.reserved ?? zero;
        await refuseBeyondBudget(scope, tx, locked.batch, { estimated, kept }, now);
        return nextAttempt(services, scope, tx, locked, { sender: entry, planned, dueAt: now, estimated });
      });
      const added = { provider: retried.provider, batches: wasOver ? 1 : 0, waiting: requests };
      await refuseHoldings(scope, tx, quotas, added);
      return { batch: retried, answer: { attempt: retried.attempts, requests } };
    };
  });
  return { batch, ...answer, replayed };
}

/** The positions of those named requests that are meant; null where none are named. Refuses any that did not fail. */
async function namedPositions(
  scope: OrganizationScope,
  tx: Queryable,
  batchId: string,
  selection: RetrySelection,
  customIds: readonly string[] | null,
): Promise<readonly number[] | null> {
  if (customIds === null) return null;
  // What cannot be a customId would reach the database as another text, or not at all.
  const keys = customIds
    .filter((customId) => customIdSchema.safeParse(customId).success)
    .map((customId) => ({ batchId, customId }));
  const found = await findItemViewsByCustomId(scope, tx, keys);
  const items = new Map(found.map((item) => [item.customId, item]));
  const issues = customIds.flatMap((customId, index): Issue[] => {
    const status = items.get(customId)?.status;
    if (status !== undefined && hasFailed(status)) return [];
    const why = status === undefined ? 'is no request of this batch.' : whyNot[status];
    return [
      { path: ['input', 'filter', 'customIds', index], line: null, message: `customIds[${index}] ${why}` },
    ];
  });
  if (issues.length > 0) throw new ValidationError(issues);
  return found.filter((item) => isSelected(selection, item)).map(({ position }) => position);
}

const whyNot = {
  SUCCEEDED: 'has its answer already; it is not sent again.',
  PENDING: 'is still waiting to be sent; it is not sent twice.',
  SUBMITTED: 'is still under way; it is not sent twice.',
} as const satisfies Partial<Record<ItemStatus, string>>;
