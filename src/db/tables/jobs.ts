import { sql } from 'drizzle-orm';
import { boolean, index, integer, jsonb, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core';
import type { JobWait } from '../../domain/job-wait.ts';
import type { JsonObject } from '../../domain/json-line.ts';
import type { ProviderFilesState } from '../../domain/provider-files.ts';
import type { JobStatus } from '../../domain/status.ts';
import { batches } from './batches.ts';
import { int4multirange, large, moment } from './columns.ts';

/**
 * One provider batch for a set of items. Written by `batches/transition.ts` alone, but for the lease, which
 * `db/queries/leases.ts` writes on the database's clock.
 */
export const jobs = pgTable(
  'jobs',
  {
    id: uuid('id').primaryKey(),
    batchId: uuid('batch_id')
      .notNull()
      .references(() => batches.id),
    organizationId: uuid('organization_id').notNull(),
    number: integer('number').notNull(),
    attempt: integer('attempt').notNull(),
    provider: text('provider').notNull(),
    sandbox: boolean('sandbox').notNull(),
    /** Which credential sends it: a fingerprint, never a key. */
    credential: text('credential').notNull(),
    /** The organization's own credential that it is pinned to; null for the service's. */
    credentialId: uuid('credential_id'),
    nonce: text('nonce').notNull().unique(),
    endpoint: text('endpoint').notNull(),
    model: text('model'),
    agentId: text('agent_id'),
    completionWindow: text('completion_window').notNull(),
    positions: int4multirange('positions').notNull(),
    requestCount: integer('request_count').notNull(),
    /** Exact bytes of the encoded job. */
    bytes: large('bytes').notNull(),
    status: text('status').$type<JobStatus>().notNull(),
    /** The provider has finished the work and is preparing the results. */
    finalizing: boolean('finalizing').notNull().default(false),
    /** Every result that will come has been copied. */
    collected: boolean('collected').notNull().default(false),
    /** Results of a job that still runs are there to be copied. */
    resultsWaiting: boolean('results_waiting').notNull().default(false),
    /** `batches.version` of the last change of this row. */
    version: integer('version').notNull(),

    /** What its items are called at the provider: by a key of ours, or, in a batch made elsewhere, by the caller's ids. */
    itemKeys: text('item_keys').$type<'OURS' | 'CALLERS'>().notNull().default('OURS'),
    providerJobId: text('provider_job_id'),
    providerStatus: text('provider_status'),
    /** The provider's last answer, verbatim. */
    raw: text('raw'),
    evidence: jsonb('evidence').$type<JsonObject>(),
    checkpoint: jsonb('checkpoint').$type<JsonObject>(),
    providerTotal: integer('provider_total'),
    providerSucceeded: integer('provider_succeeded'),
    providerErrored: integer('provider_errored'),
    providerExpired: integer('provider_expired'),
    providerCancelled: integer('provider_cancelled'),
    inputFileId: text('input_file_id'),
    outputFileId: text('output_file_id'),
    errorFileId: text('error_file_id'),
    /** What becomes of that which the provider keeps of it, and since when it is gone. */
    providerFiles: text('provider_files').$type<ProviderFilesState>().notNull().default('KEPT'),
    providerFilesDeletedAt: moment('provider_files_deleted_at'),
    /** Why they are not deleted yet, or will not be. */
    providerFilesError: jsonb('provider_files_error').$type<{ code: string; message: string }>(),
    /** Where the copying of results goes on. */
    cursor: text('cursor'),
    /** Where the provider was told to call us, and the end of that path; null where it was not told. */
    callbackUrl: text('callback_url'),
    callbackToken: text('callback_token').unique(),
    /** An id that such a call has told of a job whose answer was lost; to be verified. */
    hintedJobId: text('hinted_job_id'),
    /** What only some providers tell of a run, and of their own call to us. */
    runType: text('run_type'),
    background: boolean('background'),
    stopReason: text('stop_reason'),
    totalDurationNs: large('total_duration_ns'),
    ttftNs: large('ttft_ns'),
    toldCallbackUrl: text('told_callback_url'),
    callbackSentAt: moment('callback_sent_at'),
    callbackStatusCode: integer('callback_status_code'),
    callbackError: text('callback_error'),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    /** What it waits for before it can be sent, as it was when it last asked; null where it waits for nothing. */
    waitingFor: jsonb('waiting_for').$type<JobWait>(),

    intentAt: moment('intent_at'),
    sendBefore: moment('send_before'),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
    submittedAt: moment('submitted_at'),
    inProgressAt: moment('in_progress_at'),
    finalizingAt: moment('finalizing_at'),
    completedAt: moment('completed_at'),
    failedAt: moment('failed_at'),
    expiresAt: moment('expires_at'),
    expiredAt: moment('expired_at'),
    cancellingAt: moment('cancelling_at'),
    cancelledAt: moment('cancelled_at'),
    cancelRequestedAt: moment('cancel_requested_at'),
    resultsExpireAt: moment('results_expire_at'),
    lastSyncedAt: moment('last_synced_at'),

    /** Failed calls since the last good one. */
    failures: integer('failures').notNull().default(0),
    /** Syncs asked for; how many of them a poll has begun for; how many a finished poll has served. */
    syncRequested: integer('sync_requested').notNull().default(0),
    syncBegun: integer('sync_begun').notNull().default(0),
    syncServed: integer('sync_served').notNull().default(0),

    /** When the next work on it is due; null when none is. Read by the sweep. */
    dueAt: moment('due_at'),
    leaseUntil: moment('lease_until'),
    leaseEpoch: integer('lease_epoch').notNull().default(0),
  },
  (t) => [
    unique('jobs_number').on(t.batchId, t.number),
    index('jobs_page').on(t.organizationId, t.createdAt, t.id),
    index('jobs_page_by_status').on(t.organizationId, t.status, t.createdAt, t.id),
    index('jobs_page_by_provider').on(t.organizationId, t.provider, t.status, t.createdAt, t.id),
    index('jobs_runs')
      .on(t.organizationId, t.provider, t.sandbox, sql`coalesce(model, '')`, t.completedAt)
      .where(sql`completed_at is not null`),
    index('jobs_unfinished')
      .on(t.provider, t.status)
      .where(sql`status not in ('COMPLETED', 'FAILED', 'CANCELLED', 'EXPIRED')`),
    index('jobs_due').on(t.dueAt).where(sql`due_at is not null`),
    index('jobs_turn').on(t.provider, t.credential, t.status).where(sql`due_at is not null`),
    index('jobs_sent')
      .on(t.organizationId, t.provider, t.credential, t.intentAt)
      .where(sql`intent_at is not null`),
    index('jobs_provider_job').on(t.provider, t.providerJobId).where(sql`provider_job_id is not null`),
    index('jobs_deleting').on(t.credentialId).where(sql`provider_files = 'DELETING'`),
    index('jobs_credential').on(t.credentialId).where(sql`credential_id is not null and not collected`),
  ],
);

/** A row of `jobs`. */
export type JobRow = typeof jobs.$inferSelect;
