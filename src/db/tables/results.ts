import { sql } from 'drizzle-orm';
import { boolean, index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import type { ResultStatus } from '../../domain/status.ts';
import { moment, money, usageColumns } from './columns.ts';

/**
 * The outcomes, written once, partitioned as `items` are. `seq` is the batch's event that brought it, so that
 * a reader can ask for what came after an event.
 */
export const results = pgTable(
  'results',
  {
    batchId: uuid('batch_id').notNull(),
    position: integer('position').notNull(),
    attempt: integer('attempt').notNull(),
    jobId: uuid('job_id'),
    status: text('status').$type<ResultStatus>().notNull(),
    seq: integer('seq').notNull(),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    retryable: boolean('retryable'),
    stopReason: text('stop_reason'),
    ...usageColumns(),
    /** What it cost, in US dollars; null where that is not known. */
    cost: money('cost'),
    /** How much more the same tokens cost without a batch. */
    saved: money('saved'),
    /** The provider's line, verbatim; null where the provider sent none, and once it was kept long enough. */
    response: text('response'),
    finishedAt: moment('finished_at').notNull(),
  },
  (t) => [
    primaryKey({ name: 'results_pkey', columns: [t.batchId, t.position, t.attempt] }),
    index('results_by_seq').on(t.batchId, t.seq, t.position),
    index('results_failed').on(t.batchId, t.position).where(sql`error_code is not null`),
    index('results_failed_by_status').on(t.batchId, t.status, t.position).where(sql`error_code is not null`),
    index('results_failed_by_code').on(t.batchId, t.errorCode, t.position).where(sql`error_code is not null`),
  ],
);

/** A row of `results`. */
export type ResultRow = typeof results.$inferSelect;
