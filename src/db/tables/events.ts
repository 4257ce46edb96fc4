import { index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import type { EventKind } from '../../domain/event.ts';
import type { JsonObject } from '../../domain/json-line.ts';
import { moment, xid8 } from './columns.ts';

/**
 * The committed changes of batches, numbered per batch without gaps. No foreign key: the event that tells of a
 * deletion outlives its batch.
 */
export const events = pgTable(
  'events',
  {
    batchId: uuid('batch_id').notNull(),
    seq: integer('seq').notNull(),
    organizationId: uuid('organization_id').notNull(),
    kind: text('kind').$type<EventKind>().notNull(),
    /** What the change was in numbers and words; never bodies. */
    data: jsonb('data').$type<JsonObject>().notNull(),
    at: moment('at').notNull(),
    /** The transaction that wrote it; feeds resume by it, because it tells what may still be uncommitted. */
    xid: xid8('xid').notNull(),
  },
  (t) => [
    primaryKey({ name: 'events_pkey', columns: [t.batchId, t.seq] }),
    index('events_feed').on(t.organizationId, t.xid),
    index('events_age').on(t.at),
  ],
);

/** A row of `events`. */
export type EventRow = typeof events.$inferSelect;
