/**
 * Statements on budgets: what an organization may spend in a month, what it has spent and holds, and the month's row,
 * which is locked last of all: after the batch, its jobs and their rows.
 */
import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import type { BudgetUse } from '../../domain/budget.ts';
import type { Decimal } from '../../domain/decimal.ts';
import { firstDayOf, lastDayOf, type Month } from '../../domain/month.ts';
import type { Scope } from '../../domain/scope.ts';
import { batchStatuses, isUnderWay } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { batches } from '../tables/batches.ts';
import { budgetMonths } from '../tables/budget-months.ts';
import { organizations } from '../tables/organizations.ts';
import { inScope, owned } from './scope.ts';

/** A month of an organization's money, or of what would be money if it was not emulated. */
export interface BudgetMonth {
  readonly organizationId: string;
  readonly month: Month;
  readonly sandbox: boolean;
}

const ofMonth = (scope: Scope, { organizationId, month, sandbox }: BudgetMonth) =>
  and(
    eq(budgetMonths.organizationId, organizationId),
    eq(budgetMonths.month, month),
    eq(budgetMonths.sandbox, sandbox),
    inScope(scope, budgetMonths.organizationId),
  );

/** How much the organization may spend in a month; null for as much as it likes. */
export async function findBudget(
  scope: Scope,
  db: Queryable,
  organizationId: string,
): Promise<Decimal | null> {
  const [row] = await db
    .select({ limit: sql<Decimal | null>`trim_scale(${organizations.monthlyBudget})::text` })
    .from(organizations)
    .where(and(eq(organizations.id, organizationId), inScope(scope, organizations.id)));
  return row?.limit ?? null;
}

/** Sets it. */
export async function updateBudget(
  scope: Scope,
  tx: Queryable,
  organizationId: string,
  limit: Decimal | null,
): Promise<void> {
  await tx
    .update(organizations)
    .set({ monthlyBudget: limit })
    .where(and(eq(organizations.id, organizationId), inScope(scope, organizations.id)));
}

/** When the month was warned of; null where it was not. Locks nothing. */
export async function findWarning(scope: Scope, db: Queryable, month: BudgetMonth): Promise<Date | null> {
  const [row] = await db
    .select({ warnedAt: budgetMonths.warnedAt })
    .from(budgetMonths)
    .where(ofMonth(scope, month));
  return row?.warnedAt ?? null;
}

/** The same, its row locked until the transaction ends. */
export async function lockMonth(scope: Scope, tx: Queryable, month: BudgetMonth): Promise<Date | null> {
  const [row] = await tx
    .insert(budgetMonths)
    .values(owned(scope, month))
    .onConflictDoUpdate({
      target: [budgetMonths.organizationId, budgetMonths.month, budgetMonths.sandbox],
      set: { month: month.month },
    })
    .returning({ warnedAt: budgetMonths.warnedAt });
  return row?.warnedAt ?? null;
}

/** Writes when the locked month was warned of. */
export async function updateWarning(
  scope: Scope,
  tx: Queryable,
  month: BudgetMonth,
  warnedAt: Date | null,
): Promise<void> {
  await tx.update(budgetMonths).set({ warnedAt }).where(ofMonth(scope, month));
}

/** What a month's money is used for. */
export interface MonthUse extends BudgetUse {
  /** How many answers of the month have no known cost. */
  readonly unpriced: number;
  /** How many batches under way hold nothing, because nobody can tell what they will cost. */
  readonly unreserved: number;
}

const underWay = batchStatuses.filter(isUnderWay);

/** What the organization has spent in the month, and what it holds now; of batches other than `except`. */
export async function monthUse(
  scope: Scope,
  db: Queryable,
  { organizationId, month, sandbox }: BudgetMonth,
  except: string | null = null,
): Promise<MonthUse> {
  const {
    rows: [row],
  } = await db.execute<{ [K in keyof MonthUse]: MonthUse[K] }>(sql`
    with money as (
      select coalesce(trim_scale(sum(cost)), 0)::text as spent, coalesce(sum(unpriced), 0)::int as unpriced from spend
      where organization_id = ${organizationId}::uuid and sandbox = ${sandbox}
        and day between ${firstDayOf(month)}::date and ${lastDayOf(month)}::date),
    held as (
      select coalesce(trim_scale(sum(reserved)), 0)::text as reserved,
        (count(*) filter (where reserved is null))::int as unreserved
      from batches where organization_id = ${organizationId}::uuid and sandbox = ${sandbox}
        and status = any(${sql.param(underWay)}::text[]) and id is distinct from ${except}::uuid)
    select spent, reserved, unpriced, unreserved from money, held
    where exists (select 1 from organizations where id = ${organizationId}::uuid and ${inScope(scope, organizations.id)})`);
  if (row === undefined) throw new Error('an aggregate answers one row');
  return row;
}

/** What stands on a batch that is open because the budget leaves no room for it. */
export const budgetExceededCode = 'budget_exceeded';

/** Lets open batches that wait for room in the budget be looked at now; locks each, in one order for everybody. */
export async function wakeForBudget(
  scope: Scope,
  tx: Queryable,
  organizationId: string,
  now: Date,
): Promise<void> {
  const waiting = and(
    eq(batches.organizationId, organizationId),
    inScope(scope, batches.organizationId),
    eq(batches.status, 'ACCUMULATING'),
    eq(batches.errorCode, budgetExceededCode),
    isNull(batches.closedAt),
  );
  const rows = await tx
    .select({ id: batches.id })
    .from(batches)
    .where(waiting)
    .orderBy(asc(batches.id))
    .for('no key update');
  if (rows.length > 0) await tx.update(batches).set({ dueAt: now }).where(waiting);
}
