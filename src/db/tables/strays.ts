import { index, integer, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { moment } from './columns.ts';

/** Result lines that belong to no item of their job: kept, counted and shown, never guessed at. */
export const strays = pgTable(
  'strays',
  {
    jobId: uuid('job_id').notNull(),
    /** SHA-256 of the line in hex: a line that is read again is the same stray. */
    digest: text('digest').notNull(),
    batchId: uuid('batch_id').notNull(),
    reason: text('reason').notNull(),
    line: text('line').notNull(),
    at: moment('at').notNull(),
    seq: integer('seq').notNull(),
  },
  (t) => [
    primaryKey({ name: 'strays_pkey', columns: [t.jobId, t.digest] }),
    index('strays_by_batch').on(t.batchId),
  ],
);
