/**
 * A batch whose rule would close it and whose organization's budget leaves no room: it stays open, goes on taking
 * requests, says why, and is looked at again and again. Owns that; what makes room is a larger budget, a new month, or
 * the end of what is under way.
 */
import type { Queryable } from '../db/client.ts';
import { budgetExceededCode } from '../db/queries/budgets.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { Scope } from '../domain/scope.ts';
import type { BudgetExceededError } from '../errors.ts';
import type { Services } from '../services.ts';
import { transition } from './transition.ts';

/** How long it is before there is looked again. */
const pauseSeconds = 60;

/** The locked batch, waiting. It is told once that it does, however often there is no room yet. */
export async function waitForBudget(
  services: Services,
  scope: Scope,
  tx: Queryable,
  batchId: string,
  { code, message }: BudgetExceededError,
): Promise<BatchRow> {
  return transition(services, scope, tx, batchId, ({ batch, now }) => {
    const isKnown = batch.errorCode === budgetExceededCode;
    const dueAt = new Date(now.getTime() + pauseSeconds * 1000);
    return {
      event: isKnown ? null : 'CLOSE_FAILED',
      data: { code },
      batch: isKnown ? { dueAt } : { dueAt, errorCode: budgetExceededCode, errorMessage: message },
    };
  });
}
