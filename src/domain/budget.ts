/**
 * What an organization may spend in a month. Owns the rule: what a submission has to fit into, what a batch holds of it
 * until its results come, and when to warn. Left to others: what things cost (`cost.ts`), and that two submissions at the
 * same time are judged one after the other (`db/queries/budgets.ts`).
 */
import { z } from 'zod';
import { type Decimal, isMore, minus, plus, times, zero } from './decimal.ts';
import type { Month } from './month.ts';

/** What has been spent in a month, and what is held for what is under way; both as far as it is known. */
export interface BudgetUse {
  readonly spent: Decimal;
  readonly reserved: Decimal;
}

/** A budget that a submission has to fit into. */
export interface Budget extends BudgetUse {
  readonly limit: Decimal;
}

/** What stands against a submission. */
export interface BudgetRefusal extends Budget {
  readonly month: Month;
  /** The most that it is thought to cost; null where nobody can tell. */
  readonly estimated: Decimal | null;
}

/** The same for people. */
export function refusalMessage({ limit, spent, reserved, estimated, month }: BudgetRefusal): string {
  const wish =
    estimated === null ? 'nobody can tell what this will cost' : `this may cost up to ${estimated}`;
  return `The budget for ${month} is ${limit} US dollars: ${spent} are spent, ${reserved} are reserved for what is under way, and ${wish}.`;
}

/**
 * Whether so much more fits. What nobody knows the cost of fits as long as anything is left: it is not refused for what
 * it might cost, and not let through where even nothing would be too much.
 */
export const fits = (budget: Budget, estimated: Decimal | null): boolean =>
  estimated === null
    ? isMore(budget.limit, usedOf(budget))
    : !isMore(plus(usedOf(budget), estimated), budget.limit);

/** What may still be spent or held; nothing where more than all of it is. */
export const remainingOf = (budget: Budget): Decimal => notBelowZero(minus(budget.limit, usedOf(budget)));

/** The share of a budget from which on a warning is given. */
export const warningShare: Decimal = '0.8';

/** Whether so much of the budget is used that a warning is due. */
export const isNearlyUsed = (budget: Budget): boolean =>
  !isMore(times(budget.limit, warningShare), usedOf(budget));

const usedOf = ({ spent, reserved }: BudgetUse): Decimal => plus(spent, reserved);
const notBelowZero = (amount: Decimal): Decimal => (isMore(zero, amount) ? zero : amount);

/** A batch, as far as what it holds depends on it. */
export interface Holding {
  /** Whether any of its requests is under way: sent, or about to be. */
  readonly isUnderWay: boolean;
  /** What it holds while it is; null where nobody can tell what is under way will cost. */
  readonly reserved: Decimal | null;
}

/** What changes what a batch holds. */
export interface HoldingChange {
  /** What its new results cost. */
  readonly cost: Decimal | null;
  /** Whether requests that were under way before still are. */
  readonly goesOn: boolean;
  /** The most that requests will cost which are under way from now on; null where nobody can tell, undefined for none. */
  readonly begun: Decimal | null | undefined;
}

/**
 * What the batch holds then. What results cost is taken from what is held for them, so that a batch counts as much as
 * before until it costs more than was thought; what is left over is free when nothing is under way any more.
 */
export function heldAfter(before: Holding, { cost, goesOn, begun }: HoldingChange): Decimal | null {
  const kept = !goesOn || !before.isUnderWay ? zero : before.reserved;
  if (kept === null || begun === null) return null;
  return plus(notBelowZero(minus(kept, cost ?? zero)), begun ?? zero);
}

const amount = z
  .string('limit must be text of digits, such as "250.00", or null.')
  .regex(/^\d{1,12}(\.\d{1,12})?$/, 'limit must have at most 12 digits before the point and 12 after it.');

/** `setBudget`: how much an organization may spend in each month; null for as much as it likes. */
export const setBudgetInput = z.strictObject({
  limit: z.union([amount, z.null()], 'limit must be given: an amount of US dollars, or null for no budget.'),
});
/** What `setBudgetInput` reads. */
export type SetBudgetInput = z.output<typeof setBudgetInput>;
