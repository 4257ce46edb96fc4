import { sql } from 'drizzle-orm';
import { index, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { moment } from './columns.ts';

/**
 * Who did what: one row per call that could change something, also where it was refused. No foreign key: what was done
 * to a batch outlives it. Never bodies.
 */
export const audit = pgTable(
  'audit',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id').notNull(),
    /** When the call came. */
    at: moment('at').notNull(),
    /** Null where the command line on the host did it. */
    apiKeyId: uuid('api_key_id'),
    /** The mutation, in the API's own word. */
    verb: text('verb').notNull(),
    /** `OK`, or the code of the error that stood against it. */
    outcome: text('outcome').notNull(),
    /** What it was about, as far as the caller named it or it was made; may be nothing of the organization's. */
    batchId: uuid('batch_id'),
    jobId: uuid('job_id'),
    subjectKeyId: uuid('subject_key_id'),
    credentialId: uuid('credential_id'),
  },
  (t) => [
    index('audit_page').on(t.organizationId, t.at, t.id),
    index('audit_of_batch').on(t.batchId, t.at, t.id).where(sql`batch_id is not null`),
    index('audit_age').on(t.at),
  ],
);

/** A row of `audit`. */
export type AuditRow = typeof audit.$inferSelect;
