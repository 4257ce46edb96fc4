import { index, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import type { JsonObject } from '../../domain/json-line.ts';
import { moment } from './columns.ts';

/**
 * Calls that were made under a caller's own key, so that the same call made again does nothing and gets the same
 * answer. Written in the transaction of what the call did: there is a row exactly where there is an effect.
 */
export const idempotency = pgTable(
  'idempotency',
  {
    organizationId: uuid('organization_id').notNull(),
    key: text('key').notNull(),
    /** The verb that was called: `createBatch`. */
    operation: text('operation').notNull(),
    /** SHA-256, in hex, of what was asked for. */
    fingerprint: text('fingerprint').notNull(),
    /** The batch that the call made or changed. */
    batchId: uuid('batch_id').notNull(),
    /** What else the call answered. */
    answer: jsonb('answer').$type<JsonObject>().notNull(),
    at: moment('at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'idempotency_pkey', columns: [t.organizationId, t.key] }),
    index('idempotency_age').on(t.at),
  ],
);

/** A row of `idempotency`. */
export type IdempotencyRow = typeof idempotency.$inferSelect;
