import { sql } from 'drizzle-orm';
import { boolean, index, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import type { QuotaLayer } from '../../domain/quota.ts';
import { bytes, moment, money } from './columns.ts';

/** Sets of quotas that organizations can be on, by name. */
export const plans = pgTable('plans', {
  name: text('name').primaryKey(),
  quotas: jsonb('quotas').$type<QuotaLayer>().notNull(),
  updatedAt: moment('updated_at').notNull(),
});

/** A row of `plans`. */
export type PlanRow = typeof plans.$inferSelect;

/** The tenants. Everything else belongs to one. */
export const organizations = pgTable('organizations', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  createdAt: moment('created_at').notNull(),
  /** The plan that it is on; null where it is on none. */
  plan: text('plan').references(() => plans.name),
  /** What its operator grants it, whatever its plan says. */
  grantedQuotas: jsonb('granted_quotas').$type<QuotaLayer>().notNull().default({}),
  /** What it holds itself to. */
  ownQuotas: jsonb('own_quotas').$type<QuotaLayer>().notNull().default({}),
  /** How many US dollars it may spend in a month; null for as many as it likes. */
  monthlyBudget: money('monthly_budget'),
});

/** Keys that callers sign in with. Only the SHA-256 of a key is kept. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id),
    name: text('name').notNull(),
    /** SHA-256 of the whole key. A key has at least 128 random bits, so no salt or slow hash is needed. */
    hash: bytes('hash').notNull().unique(),
    /** Its first characters, by which people tell keys apart; null for a key that was not made here. */
    prefix: text('prefix'),
    /** `read`, `write`, `admin`; each includes the ones before it. */
    scope: text('scope').notNull(),
    /** The well-known key of the sandbox; refused wherever anything is live. */
    sandboxOnly: boolean('sandbox_only').notNull().default(false),
    createdAt: moment('created_at').notNull(),
    /** The key that made it; null where none did: the command line, or a setting. */
    createdBy: uuid('created_by'),
    expiresAt: moment('expires_at'),
    revokedAt: moment('revoked_at'),
    /** Within a minute or so: written at most so often. */
    lastUsedAt: moment('last_used_at'),
  },
  (t) => [index('api_keys_organization').on(t.organizationId).where(sql`revoked_at is null`)],
);
