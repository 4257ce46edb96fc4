import { index, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { moment } from './columns.ts';

/** Calls of providers that were taken, so that one that comes again does nothing. Forgotten after a few days. */
export const providerCallbacks = pgTable(
  'provider_callbacks',
  {
    provider: text('provider').notNull(),
    /** A digest of what tells a call from all others; never its content. */
    digest: text('digest').notNull(),
    at: moment('at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'provider_callbacks_pkey', columns: [t.provider, t.digest] }),
    index('provider_callbacks_age').on(t.at),
  ],
);
