/** The budget of the caller's organization. */
import type { Context } from '../context.ts';
import { findBudget, findWarning, type MonthUse, monthUse } from '../db/queries/budgets.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { remainingOf, setBudgetInput } from '../domain/budget.ts';
import { type Decimal, zero } from '../domain/decimal.ts';
import { type Month, monthOf } from '../domain/month.ts';
import { isUnderWay } from '../domain/status.ts';
import { setBudget as set } from '../keys/set-budget.ts';
import { parseInput } from './arguments.ts';

/** A month's budget, as the schema's type is backed. */
export interface BudgetModel extends MonthUse {
  readonly month: Month;
  /** Null where there is no budget. */
  readonly limit: Decimal | null;
  readonly remaining: Decimal | null;
  readonly warnedAt: Date | null;
}

/** The budget of this month, and what is used of it. */
export async function budgetOf({ services: { clock, db }, scope, sandbox }: Context): Promise<BudgetModel> {
  const { organizationId } = scope;
  const month = { organizationId, month: monthOf(clock.now()), sandbox };
  return db.read(async (q) => {
    const limit = await findBudget(scope, q, organizationId);
    const use = await monthUse(scope, q, month);
    return {
      ...use,
      month: month.month,
      limit,
      remaining: limit === null ? null : remainingOf({ limit, ...use }),
      warnedAt: await findWarning(scope, q, month),
    };
  });
}

/** Sets the budget. */
export async function setBudget(
  { input }: { input: unknown },
  context: Context,
): Promise<{ budget: BudgetModel }> {
  const { services, scope } = context;
  await set(services, scope, scope.organizationId, parseInput(setBudgetInput, input));
  return { budget: await budgetOf(context) };
}

/** What the batch holds of the budget; nothing unless it is under way, null where nobody can tell what it will cost. */
export const reservedOf = ({ status, reserved }: BatchRow): Decimal | null =>
  isUnderWay(status) ? reserved : zero;
