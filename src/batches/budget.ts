/**
 * The organization's budget, as the verbs of a batch meet it: whether a submission fits, asked under the month's lock so
 * that of two at the same time the second counts the first; and the warning, once a month. The rule is
 * `domain/budget.ts`; what a batch holds is written by `transition.ts` with everything else.
 */
import type { Queryable } from '../db/client.ts';
import { findBudget, findWarning, lockMonth, monthUse, updateWarning } from '../db/queries/budgets.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { type Budget, type BudgetRefusal, fits, isNearlyUsed } from '../domain/budget.ts';
import { type Decimal, isMore, plus, zero } from '../domain/decimal.ts';
import type { JsonObject } from '../domain/json-line.ts';
import { monthOf } from '../domain/month.ts';
import type { Scope } from '../domain/scope.ts';
import { BudgetExceededError } from '../errors.ts';

/** What is about to be under way. */
export interface Submission {
  /** The most that it is thought to cost; null where nobody can tell. */
  readonly estimated: Decimal | null;
  /** What its batch goes on holding beside it. */
  readonly kept: Decimal;
}

/** Whose money, and when. */
interface Spender {
  readonly organizationId: string;
  readonly sandbox: boolean;
  readonly now: Date;
}

const monthFor = ({ organizationId, sandbox, now }: Spender) => ({
  organizationId,
  sandbox,
  month: monthOf(now),
});

/**
 * Throws `BudgetExceededError` where the submission does not fit into what its organization may spend. The month stays
 * locked until the transaction ends, so this comes as late in it as it can.
 */
export async function refuseBeyondBudget(
  scope: Scope,
  tx: Queryable,
  batch: Pick<BatchRow, 'id' | 'organizationId' | 'sandbox'>,
  submission: Submission,
  now: Date,
): Promise<void> {
  const month = monthFor({ ...batch, now });
  if ((await findBudget(scope, tx, batch.organizationId)) === null) return;
  await lockMonth(scope, tx, month);
  const refusal = await budgetRefusal(scope, tx, { ...batch, now }, submission, batch.id);
  if (refusal !== null) throw new BudgetExceededError(refusal);
}

/** What stands against such a submission as things are; null where it fits. Locks nothing. */
export async function budgetRefusal(
  scope: Scope,
  db: Queryable,
  spender: Spender,
  { estimated, kept }: Submission,
  except: string | null = null,
): Promise<BudgetRefusal | null> {
  const month = monthFor(spender);
  // Read again by whoever has locked the month: it may have been changed meanwhile.
  const limit = await findBudget(scope, db, spender.organizationId);
  if (limit === null) return null;
  const { spent, reserved } = await monthUse(scope, db, month, except);
  const budget: Budget = { limit, spent, reserved: plus(reserved, kept) };
  return fits(budget, estimated) ? null : { ...budget, month: month.month, estimated };
}

/** What a batch counts in its organization's budget. */
const weightOf = ({ cost, reserved }: BatchRow): Decimal => plus(cost ?? zero, reserved ?? zero);

/**
 * What there is to be told where this change of a batch brought its organization near to the end of its budget, for the
 * first time in the month; else null.
 */
export async function budgetWarning(
  scope: Scope,
  tx: Queryable,
  before: BatchRow,
  after: BatchRow,
  now: Date,
): Promise<JsonObject | null> {
  // Most results only turn what is held into what is spent.
  if (!isMore(weightOf(after), weightOf(before))) return null;
  const limit = await findBudget(scope, tx, after.organizationId);
  const month = monthFor({ ...after, now });
  if (limit === null || (await findWarning(scope, tx, month)) !== null) return null;
  // Two that come near to it together must not each see too little.
  if ((await lockMonth(scope, tx, month)) !== null) return null;
  const { spent, reserved } = await monthUse(scope, tx, month);
  if (!isNearlyUsed({ limit, spent, reserved })) return null;
  await updateWarning(scope, tx, month, now);
  return { month: month.month, limit, spent, reserved };
}
