import { sql } from 'drizzle-orm';
import { index, integer, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core';
import type { DeliveryStatus } from '../../domain/status.ts';
import { moment } from './columns.ts';

/** What a callback URL is told of one end of a batch. Its id is the same over all attempts. */
export const deliveries = pgTable(
  'deliveries',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id').notNull(),
    batchId: uuid('batch_id').notNull(),
    /** The batch's event that it tells of. */
    seq: integer('seq').notNull(),
    url: text('url').notNull(),
    /** The exact bytes that are sent and signed. */
    body: text('body').notNull(),
    status: text('status').$type<DeliveryStatus>().notNull(),
    /** Attempts that were begun. */
    attempts: integer('attempts').notNull().default(0),
    /** When the last attempt began, and what it came to: both null while it is under way, and where its sender died. */
    sentAt: moment('sent_at'),
    statusCode: integer('status_code'),
    error: text('error'),
    createdAt: moment('created_at').notNull(),
    /** When the next attempt is due; null when there is none. Read by the sweep. */
    dueAt: moment('due_at'),
    /** On the database's clock. */
    leaseUntil: moment('lease_until'),
    leaseEpoch: integer('lease_epoch').notNull().default(0),
  },
  (t) => [
    unique('deliveries_of_batch').on(t.batchId, t.seq),
    index('deliveries_due').on(t.dueAt).where(sql`due_at is not null`),
  ],
);

/** A row of `deliveries`. */
export type DeliveryRow = typeof deliveries.$inferSelect;

/** Each try to tell a callback URL, in order. */
export const deliveryAttempts = pgTable(
  'delivery_attempts',
  {
    deliveryId: uuid('delivery_id').notNull(),
    number: integer('number').notNull(),
    organizationId: uuid('organization_id').notNull(),
    at: moment('at').notNull(),
    /** Null while it is under way, and where its sender died. */
    finishedAt: moment('finished_at'),
    statusCode: integer('status_code'),
    error: text('error'),
  },
  (t) => [primaryKey({ name: 'delivery_attempts_pkey', columns: [t.deliveryId, t.number] })],
);

/** A row of `delivery_attempts`. */
export type DeliveryAttemptRow = typeof deliveryAttempts.$inferSelect;

/** What callbacks of an organization are signed with. After a rotation the old one signs too until it expires. */
export const callbackSecrets = pgTable(
  'callback_secrets',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id').notNull(),
    secret: text('secret').notNull(),
    createdAt: moment('created_at').notNull(),
    /** Null for the newest. */
    expiresAt: moment('expires_at'),
  },
  (t) => [index('callback_secrets_organization').on(t.organizationId)],
);

/** A row of `callback_secrets`. */
export type CallbackSecretRow = typeof callbackSecrets.$inferSelect;
