/** `addRequests`: puts requests into an open batch, after those it has, and closes it where its rule says so. */
import { reachFor } from '../credentials/reach.ts';
import type { Queryable } from '../db/client.ts';
import { findBatch, lockBatch } from '../db/queries/batches.ts';
import { insertItems, takenCustomIds } from '../db/queries/items.ts';
import { hasOpenUpload } from '../db/queries/uploads.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { closesAt, shouldClose } from '../domain/accumulation.ts';
import type { AddRequestsInput } from '../domain/batch-input.ts';
import type { OrganizationScope, Scope } from '../domain/scope.ts';
import { BatchStateError, BudgetExceededError, NotFoundError, ValidationError } from '../errors.ts';
import type { Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { acceptRequests, duplicateIssue, type PlacedItem } from './accept.ts';
import { closeBatch, ruleOf } from './close.ts';
import { estimateRequests } from './estimate.ts';
import { type Called, callOnce } from './idempotency.ts';
import { refuseDuringUpload } from './open-upload.ts';
import { bytesBrought, quotasOf, refuseHoldings, refuseSize } from './quotas.ts';
import { transition } from './transition.ts';
import { waitForBudget } from './wait-for-budget.ts';

/**
 * The batch with the requests in it. Throws `NotFoundError`, `BatchStateError` where it is closed, `ValidationError`
 * for bad lines and ids that the batch has already, `QuotaExceededError` (nothing is stored then), and what `callOnce`
 * throws.
 */
export async function addRequests(
  services: Services,
  scope: OrganizationScope,
  batchId: string,
  { requests, idempotencyKey: key }: AddRequestsInput,
): Promise<Called> {
  const call = { verb: 'addRequests', key, input: { batchId, requests }, batchId };
  return callOnce(services, scope, call, async (q) => {
    // Read once without a lock, so that nobody waits for the parsing of a large call.
    const seen = await findBatch(scope, q, batchId);
    if (seen === null) throw new NotFoundError('batch', batchId);
    refuseClosed(seen);
    const { provider } = await reachFor(services, q, seen, 'SEND');
    const known = knownProviders(services);
    const acceptedAt = ({ endpoint, model, total }: BatchRow) =>
      acceptRequests(requests, { provider, known, endpoint, model }, total);
    const accepted = acceptedAt(seen);
    const { quotas } = await quotasOf(services, scope, q, scope.organizationId);
    const brought = {
      provider: seen.provider,
      requests: accepted.length,
      bytes: bytesBrought(requests, accepted),
    };
    refuseSize(quotas, { ...brought, before: seen.total });
    return async (tx) => {
      const batch = await lockBatch(scope, tx, batchId);
      if (batch === null) throw new NotFoundError('batch', batchId);
      refuseClosed(batch);
      refuseSize(quotas, { ...brought, before: batch.total });
      await refuseDuringUpload(scope, tx, batch);
      // Others may have added meanwhile; then default ids and positions move up.
      const current = batch.total === seen.total ? accepted : acceptedAt(batch);
      await refuseTaken(scope, tx, batchId, current);
      const filled = await appendItems(services, scope, tx, batchId, current);
      const closed = await closeIfDue(services, scope, tx, filled);
      await refuseHoldings(scope, tx, quotas, { ...brought, batches: 0, waiting: brought.requests });
      return { batch: closed, answer: {} };
    };
  });
}

/** Every provider, to tell what a line is that this batch's does not take. */
export const knownProviders = ({ providers }: Services): readonly Provider[] =>
  providers.entries.map(({ provider }) => provider);

/** Stores accepted items at the end of the locked, open batch. */
export async function appendItems(
  services: Services,
  scope: Scope,
  tx: Queryable,
  batchId: string,
  accepted: readonly PlacedItem[],
): Promise<BatchRow> {
  return transition(services, scope, tx, batchId, async ({ batch, now }) => {
    if (accepted.length === 0) return null;
    const items = accepted.map(({ item }) => item);
    await insertItems(scope, tx, { id: batchId, at: now }, items);
    const firstRequestAt = batch.firstRequestAt ?? now;
    return {
      event: 'REQUESTS_ADDED',
      data: { requests: items.length },
      batch: { firstRequestAt, dueAt: closesAt(ruleOf(batch), firstRequestAt) },
      added: {
        requests: items.length,
        bytes: items.reduce((sum, item) => sum + item.bytes, 0),
        estimate: estimateRequests(services, batch.provider, accepted, now),
      },
    };
  });
}

/**
 * Closes the locked batch where its rule says so now; asked after a whole call, never in the middle of one, which an
 * upload is until it is over. Where its organization's budget leaves no room, a batch that closes by a rule stays open
 * until there is some.
 */
export async function closeIfDue(
  services: Services,
  scope: Scope,
  tx: Queryable,
  batch: BatchRow,
): Promise<BatchRow> {
  const { total: requests, bytes, firstRequestAt, closedAt } = batch;
  if (closedAt !== null) return batch;
  const due = shouldClose(ruleOf(batch), { requests, bytes, firstRequestAt }, services.clock.now());
  if (!due || (await hasOpenUpload(scope, tx, batch.id))) return batch;
  try {
    return await closeBatch(services, scope, tx, batch.id);
  } catch (error) {
    // Nobody is there to hear of it whose call this is; what was accepted waits for room instead of being refused.
    const isHeard = scope.kind === 'organization' && batch.submitMode !== 'WHEN';
    if (!(error instanceof BudgetExceededError) || isHeard) throw error;
    return waitForBudget(services, scope, tx, batch.id, error);
  }
}

/** Throws `BatchStateError` where the batch takes no requests any more. */
export function refuseClosed(batch: BatchRow): void {
  if (batch.closedAt !== null) {
    throw new BatchStateError(
      batch.status,
      'The batch is closed; requests can only be added to an open one.',
    );
  }
}

async function refuseTaken(scope: Scope, tx: Queryable, batchId: string, accepted: readonly PlacedItem[]) {
  const ids = accepted.map(({ item }) => item.customId);
  const taken = await takenCustomIds(scope, tx, batchId, ids);
  const issues = accepted
    .filter(({ item }) => taken.has(item.customId))
    .map(({ place }) => duplicateIssue(place, 'a customId that the batch has already'));
  if (issues.length > 0) throw new ValidationError(issues);
}
