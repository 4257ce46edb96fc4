/**
 * `updateBatch`: changes what a batch is called and what is attached to it, in every state; and who is told of its end,
 * until it has ended.
 */
import { acceptCallbackUrl } from '../callbacks/accept-url.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { UpdateBatchInput } from '../domain/batch-input.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { BatchStateError } from '../errors.ts';
import type { Services } from '../services.ts';
import { transition } from './transition.ts';

/**
 * The changed batch: a field left out stays, null clears it. Throws `NotFoundError`, `ValidationError` for a URL that
 * could never be called, and `BatchStateError` for another URL once the batch has ended and its end is being told.
 */
export async function updateBatch(
  services: Services,
  scope: OrganizationScope,
  batchId: string,
  { name, metadata, callbackUrl }: UpdateBatchInput,
): Promise<BatchRow> {
  const url = callbackUrl === undefined ? undefined : acceptCallbackUrl(services, callbackUrl);
  return services.db.transaction((tx) =>
    transition(services, scope, tx, batchId, ({ batch }) => {
      if (name === undefined && metadata === undefined && url === undefined) return null;
      if (url !== undefined && url !== batch.callbackUrl && isTerminalBatch(batch.status)) {
        throw new BatchStateError(
          batch.status,
          'The batch has ended, and its callbackUrl with it; it can be changed before the end.',
        );
      }
      return {
        event: 'BATCH_UPDATED',
        batch: {
          ...(name === undefined ? {} : { name }),
          ...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
          ...(url === undefined ? {} : { callbackUrl: url }),
        },
      };
    }),
  );
}
