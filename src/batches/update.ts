/** `updateBatch`: changes what a batch is called and what is attached to it; allowed in every state. */
import type { BatchRow } from '../db/tables/batches.ts';
import type { UpdateBatchInput } from '../domain/batch-input.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';
import { transition } from './transition.ts';

/** The changed batch: a field left out stays, null clears it. Throws `NotFoundError`. */
export async function updateBatch(
  services: Services,
  scope: OrganizationScope,
  batchId: string,
  { name, metadata }: UpdateBatchInput,
): Promise<BatchRow> {
  return services.db.transaction((tx) =>
    transition(services, scope, tx, batchId, () =>
      name === undefined && metadata === undefined
        ? null
        : {
            event: 'BATCH_UPDATED',
            batch: {
              ...(name === undefined ? {} : { name }),
              ...(metadata === undefined ? {} : { metadata: metadata ?? {} }),
            },
          },
    ),
  );
}
