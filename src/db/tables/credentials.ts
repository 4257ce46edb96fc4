import { sql } from 'drizzle-orm';
import { boolean, index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { bytes, moment } from './columns.ts';
import { organizations } from './organizations.ts';

/** Providers' credentials that organizations bring. What opens anything at a provider stands in `sealed` alone. */
export const credentials = pgTable(
  'credentials',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id),
    provider: text('provider').notNull(),
    name: text('name').notNull(),
    /** Whether it is for emulators: one for the sandbox opens nothing that is real, and the other way round. */
    sandbox: boolean('sandbox').notNull(),
    /** Key and settings, encrypted for this row; null once nothing needs them any more. */
    sealed: bytes('sealed'),
    /** Which key of the service encrypted it. */
    sealedBy: text('sealed_by').notNull(),
    /** Tells accounts apart, as `jobs.credential` does. */
    fingerprint: text('fingerprint').notNull(),
    lastFour: text('last_four'),
    /** The names of the further settings that it has. */
    settings: text('settings').array().notNull(),
    /** The end of the path that its account calls; null where the provider's accounts call nobody. */
    callbackToken: text('callback_token'),
    createdAt: moment('created_at').notNull(),
    createdBy: uuid('created_by'),
    /** Within a minute or so: written at most so often. */
    lastUsedAt: moment('last_used_at'),
    /** Since when, and how, the provider refuses it; null where it does not. */
    failingSince: moment('failing_since'),
    failure: text('failure'),
    revokedAt: moment('revoked_at'),
    /** The credential of the same account that takes its place. */
    replacedBy: uuid('replaced_by'),
  },
  (t) => [
    index('credentials_page').on(t.organizationId, t.createdAt, t.id),
    index('credentials_called').on(t.provider, t.callbackToken).where(sql`callback_token is not null`),
  ],
);

/** A row of `credentials`. */
export type CredentialRow = typeof credentials.$inferSelect;
