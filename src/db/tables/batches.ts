import { sql } from 'drizzle-orm';
import { boolean, check, index, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import type { BatchStatus } from '../../domain/status.ts';
import { large, moment, money, usageColumns } from './columns.ts';
import { organizations } from './organizations.ts';

/**
 * What a caller thinks in. Written by `batches/transition.ts` alone; the six counts sum to `total`, and
 * `version` is the number of its newest event.
 */
export const batches = pgTable(
  'batches',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id')
      .notNull()
      .references(() => organizations.id),
    name: text('name'),
    provider: text('provider').notNull(),
    sandbox: boolean('sandbox').notNull(),
    /** The organization's own credential that its jobs use; null for the service's. */
    credentialId: uuid('credential_id'),
    endpoint: text('endpoint').notNull(),
    model: text('model'),
    completionWindow: text('completion_window').notNull(),
    metadata: jsonb('metadata').$type<Record<string, string>>().notNull(),
    status: text('status').$type<BatchStatus>().notNull(),
    version: integer('version').notNull(),

    total: integer('total').notNull().default(0),
    bytes: large('bytes').notNull().default(0),
    pending: integer('pending').notNull().default(0),
    submitted: integer('submitted').notNull().default(0),
    succeeded: integer('succeeded').notNull().default(0),
    errored: integer('errored').notNull().default(0),
    expired: integer('expired').notNull().default(0),
    cancelled: integer('cancelled').notNull().default(0),
    ...usageColumns(),
    /** What its results cost, as far as that is known, in US dollars. */
    cost: money('cost'),
    saved: money('saved'),
    /** How many answers have no known cost. */
    unpriced: integer('unpriced').notNull().default(0),
    /** From what to what its requests were thought to cost when they came; null where not all could be estimated. */
    estimatedCostLow: money('estimated_cost_low'),
    estimatedCostHigh: money('estimated_cost_high'),
    /** What it holds of its organization's budget while it is under way; null where it is not, or nobody can tell. */
    reserved: money('reserved'),

    submitMode: text('submit_mode').$type<'NOW' | 'MANUAL' | 'WHEN'>().notNull(),
    whenRequests: integer('when_requests'),
    whenBytes: large('when_bytes'),
    whenSeconds: integer('when_seconds'),
    firstRequestAt: moment('first_request_at'),
    /** How many attempts its requests get before a transient failure stays; null where only callers retry. */
    retryAttempts: integer('retry_attempts'),
    /** The pause before the second attempt; it doubles with each one after. */
    retryBackoffSeconds: integer('retry_backoff_seconds'),
    /** The newest attempt that any job of it makes. */
    attempts: integer('attempts').notNull().default(1),
    /** Whether its provider is to delete what it keeps of a job once the results are here. */
    deleteProviderFiles: boolean('delete_provider_files').notNull().default(false),
    /** Who is told when it ends; null where nobody is. */
    callbackUrl: text('callback_url'),
    /** When the rule's timer closes the batch; null while it is not running. Read by the sweep. */
    dueAt: moment('due_at'),

    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
    closedAt: moment('closed_at'),
    submittedAt: moment('submitted_at'),
    inProgressAt: moment('in_progress_at'),
    finalizingAt: moment('finalizing_at'),
    completedAt: moment('completed_at'),
    failedAt: moment('failed_at'),
    expiresAt: moment('expires_at'),
    expiredAt: moment('expired_at'),
    cancellingAt: moment('cancelling_at'),
    cancelledAt: moment('cancelled_at'),
    resultsExpireAt: moment('results_expire_at'),
    /** Since when nobody reads its requests' and results' bodies any more: they were kept long enough. */
    resultsRemovedAt: moment('results_removed_at'),
    /** The position that their removal has come to; null where none is under way. */
    removalPosition: integer('removal_position'),
    lastSyncedAt: moment('last_synced_at'),
    nextSyncAt: moment('next_sync_at'),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    createdBy: uuid('created_by'),
    lastUpdatedBy: uuid('last_updated_by'),
  },
  (t) => [
    index('batches_page').on(t.organizationId, t.createdAt, t.id),
    index('batches_page_by_status').on(t.organizationId, t.status, t.createdAt, t.id),
    index('batches_unfinished')
      .on(t.status)
      .where(sql`status not in ('COMPLETED', 'FAILED', 'EXPIRED', 'CANCELLED')`),
    index('batches_page_by_provider').on(t.organizationId, t.provider, t.status, t.createdAt, t.id),
    index('batches_name').on(t.organizationId, t.name.op('text_pattern_ops')).where(sql`name is not null`),
    index('batches_metadata').using('gin', t.metadata.op('jsonb_path_ops')),
    index('batches_due').on(t.dueAt).where(sql`due_at is not null`),
    index('batches_kept')
      .on(sql`coalesce(completed_at, failed_at, expired_at, cancelled_at)`)
      .where(sql`results_removed_at is null`),
    index('batches_removing').on(t.id).where(sql`removal_position is not null`),
    check(
      'batches_counts_sum_to_total',
      sql`pending + submitted + succeeded + errored + expired + cancelled = total`,
    ),
  ],
);

/** A row of `batches`. */
export type BatchRow = typeof batches.$inferSelect;
