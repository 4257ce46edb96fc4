import { integer, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core';
import { moment } from './columns.ts';

/**
 * The requests, written once. RANGE-partitioned by `batch_id`, which is by month because the ids are UUIDv7
 * (the migration says so by hand). A row counts from the moment its position is below `batches.total`.
 */
export const items = pgTable(
  'items',
  {
    batchId: uuid('batch_id').notNull(),
    position: integer('position').notNull(),
    customId: text('custom_id').notNull(),
    endpoint: text('endpoint').notNull(),
    model: text('model'),
    agentId: text('agent_id'),
    /** Bytes of `request` in UTF-8. */
    bytes: integer('bytes').notNull(),
    /** The body, verbatim JSON text; null once it was kept long enough. */
    request: text('request'),
    createdAt: moment('created_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'items_pkey', columns: [t.batchId, t.position] }),
    unique('items_custom_id').on(t.batchId, t.customId),
  ],
);

/** A row of `items`. */
export type ItemRow = typeof items.$inferSelect;
