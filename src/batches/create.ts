/** `createBatch`: makes a batch, with or without its first requests, and closes it where its rule says so. */
import type { CreateBatchInput } from '../domain/batch-input.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { newId, type Services } from '../services.ts';
import { appendItems, closeIfDue } from './add-requests.ts';
import { type Called, callOnce } from './idempotency.ts';
import { draftBatch, insertNewBatch } from './new-batch.ts';
import { bytesBrought, quotasOf, refuseHoldings, refuseSize } from './quotas.ts';

/**
 * The new batch. Throws `ValidationError` for any bad field or line (nothing is stored then),
 * `QuotaExceededError`, and what `chooseCredential` and `callOnce` throw.
 */
export async function createBatch(
  services: Services,
  scope: OrganizationScope,
  { idempotencyKey: key, ...input }: CreateBatchInput,
): Promise<Called> {
  const batchId = newId(services.clock);
  return callOnce(services, scope, { verb: 'createBatch', key, input, batchId }, async (q) => {
    const draft = await draftBatch(services, scope, q, input);
    const { quotas } = await quotasOf(services, scope, q, scope.organizationId);
    const { accepted, row } = draft;
    const requests = accepted.length;
    const bytes = bytesBrought(input.requests, accepted);
    refuseSize(quotas, { provider: row.provider, requests, bytes, before: 0 });
    return async (tx) => {
      await insertNewBatch(services, scope, tx, batchId, draft);
      const filled = await appendItems(services, scope, tx, batchId, accepted);
      const batch = await closeIfDue(services, scope, tx, filled);
      const added = { provider: row.provider, batches: 1, waiting: requests };
      await refuseHoldings(scope, tx, quotas, added);
      return { batch, answer: {} };
    };
  });
}
