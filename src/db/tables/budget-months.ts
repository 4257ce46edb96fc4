import { boolean, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { moment } from './columns.ts';

/**
 * A month of an organization that has a budget: the row that submissions lock, so that they are judged one after the
 * other. What was spent and what is held is not in it, but summed when it is asked for.
 */
export const budgetMonths = pgTable(
  'budget_months',
  {
    organizationId: uuid('organization_id').notNull(),
    /** `2026-11`, in UTC. */
    month: text('month').notNull(),
    /** What is emulated is no money. */
    sandbox: boolean('sandbox').notNull(),
    /** When it was warned that the budget is nearly used; null where it was not. */
    warnedAt: moment('warned_at'),
  },
  (t) => [primaryKey({ name: 'budget_months_pkey', columns: [t.organizationId, t.month, t.sandbox] })],
);
