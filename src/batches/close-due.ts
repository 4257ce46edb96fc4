/** Closes open batches whose timer has run out; asked by the worker, safe to ask at any time. */
import { lockBatchUnlessBusy } from '../db/queries/batches.ts';
import { workerScope } from '../domain/scope.ts';
import { CredentialUnusableError, ProviderNotConfiguredError, ValidationError } from '../errors.ts';
import type { Services } from '../services.ts';
import { closeIfDue } from './add-requests.ts';
import { transition } from './transition.ts';

/** How long a batch waits whose provider cannot be called when its timer runs out. */
const pauseMinutes = 5;

/**
 * Closes the batch if its rule says so now, and nobody else is at it. Where it cannot be closed it stays open and
 * says why: without credentials that can be used it tries again, with items that cannot be split its timer stops.
 */
export async function closeDueBatch(services: Services, batchId: string): Promise<void> {
  try {
    await services.db.transaction(async (tx) => {
      const batch = await lockBatchUnlessBusy(workerScope, tx, batchId);
      if (batch !== null) await closeIfDue(services, workerScope, tx, batch);
    });
  } catch (error) {
    const retries = error instanceof ProviderNotConfiguredError || error instanceof CredentialUnusableError;
    if (!(retries || error instanceof ValidationError)) throw error;
    services.log.warn({ batchId, code: error.code }, 'a batch could not be closed by its timer');
    await services.db.transaction((tx) =>
      transition(services, workerScope, tx, batchId, ({ batch, now }) =>
        batch.closedAt !== null
          ? null
          : {
              event: 'CLOSE_FAILED',
              data: { code: error.code },
              batch: {
                dueAt: retries ? new Date(now.getTime() + pauseMinutes * 60_000) : null,
                errorCode: error.code.toLowerCase(),
                errorMessage: error.message,
              },
            },
      ),
    );
  }
}
