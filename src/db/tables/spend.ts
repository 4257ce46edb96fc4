import { boolean, date, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { money, usageColumns } from './columns.ts';

/**
 * What an organization's results cost, by day, provider and model, written by the statement that stores the results. A
 * row for each batch, because whoever writes it holds that batch: results that come at the same time never wait for each
 * other. No foreign key: what was spent outlives the batch.
 */
export const spend = pgTable(
  'spend',
  {
    batchId: uuid('batch_id').notNull(),
    /** The day in UTC on which the results came. */
    day: date('day', { mode: 'string' }).notNull(),
    /** Empty where the requests name none. */
    model: text('model').notNull(),
    organizationId: uuid('organization_id').notNull(),
    provider: text('provider').notNull(),
    sandbox: boolean('sandbox').notNull(),
    /** How many of the results are answers, and how many of these have no known cost. */
    succeeded: integer('succeeded').notNull(),
    unpriced: integer('unpriced').notNull(),
    ...usageColumns(),
    cost: money('cost'),
    saved: money('saved'),
  },
  (t) => [
    primaryKey({ name: 'spend_pkey', columns: [t.batchId, t.day, t.model] }),
    index('spend_by_day').on(t.organizationId, t.day),
  ],
);
