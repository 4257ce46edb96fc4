/**
 * `setBudget`: how much an organization may spend in a month. What is under way goes on whatever the budget is; open
 * batches that wait for room are looked at again at once.
 */
import { lockMonth, monthUse, updateBudget, updateWarning, wakeForBudget } from '../db/queries/budgets.ts';
import { isNearlyUsed, type SetBudgetInput } from '../domain/budget.ts';
import { monthOf } from '../domain/month.ts';
import type { Scope } from '../domain/scope.ts';
import type { Services } from '../services.ts';

/** Sets it. Whether this month was warned of is told anew: by the new budget it may not be near to its end. */
export async function setBudget(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  scope: Scope,
  organizationId: string,
  { limit }: SetBudgetInput,
): Promise<void> {
  await db.transaction(async (tx) => {
    const now = clock.now();
    // Batches first, months last, as everywhere.
    await wakeForBudget(scope, tx, organizationId, now);
    for (const sandbox of [false, true]) {
      const month = { organizationId, month: monthOf(now), sandbox };
      const warnedAt = await lockMonth(scope, tx, month);
      const isNear = limit !== null && isNearlyUsed({ limit, ...(await monthUse(scope, tx, month)) });
      await updateWarning(scope, tx, month, isNear ? (warnedAt ?? now) : null);
    }
    await updateBudget(scope, tx, organizationId, limit);
  });
}
