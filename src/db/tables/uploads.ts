import { sql } from 'drizzle-orm';
import { boolean, index, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import type { DryRunFindings } from '../../domain/dry-run.ts';
import type { UploadFailure, UploadStatus } from '../../domain/upload.ts';
import type { Issue } from '../../errors.ts';
import { bytes, large, moment } from './columns.ts';

/** What a file is checked for where no batch is to be made. */
export interface UploadDraft {
  readonly provider: string;
  readonly endpoint: string;
  readonly model: string | null;
  readonly credentialId: string | null;
}

/**
 * Files of requests on their way in, each through a URL of its own. While `first_position` is set there may be items at
 * and beyond it which nobody reads yet: the batch's total lies below them (or there is no batch, and they stand under the
 * upload's own id), and whoever ends the upload clears it.
 */
export const uploads = pgTable(
  'uploads',
  {
    id: uuid('id').primaryKey(),
    organizationId: uuid('organization_id').notNull(),
    /** Null where a file is checked for a batch that is not to be made. */
    batchId: uuid('batch_id'),
    draft: jsonb('draft').$type<UploadDraft>(),
    /** The key that asked for it, on whose behalf the file is taken. */
    createdBy: uuid('created_by').notNull(),
    /** SHA-256 of what its URL ends in. */
    secretHash: bytes('secret_hash').notNull(),
    dryRun: boolean('dry_run').notNull(),
    submits: boolean('submits').notNull(),
    status: text('status').$type<UploadStatus>().notNull(),
    /** Counts the changes, for those who follow it. */
    version: integer('version').notNull().default(1),
    /** How long the file is said to be, as it is sent; null where its sender did not say. */
    bytesExpected: large('bytes_expected'),
    /** Bytes that came, as they were sent. */
    bytes: large('bytes').notNull().default(0),
    lines: integer('lines').notNull().default(0),
    /** Requests that were read and have no fault. */
    requests: integer('requests').notNull().default(0),
    issues: jsonb('issues').$type<readonly Issue[]>().notNull().default([]),
    issueCount: integer('issue_count').notNull().default(0),
    findings: jsonb('findings').$type<DryRunFindings>(),
    errorCode: text('error_code').$type<UploadFailure>(),
    errorMessage: text('error_message'),
    firstPosition: integer('first_position'),
    createdAt: moment('created_at').notNull(),
    startedAt: moment('started_at'),
    finishedAt: moment('finished_at'),
    expiresAt: moment('expires_at').notNull(),
    leaseUntil: moment('lease_until'),
    leaseEpoch: integer('lease_epoch').notNull().default(0),
  },
  (t) => [
    uniqueIndex('uploads_open').on(t.batchId).where(sql`first_position is not null and not dry_run`),
    index('uploads_held').on(t.leaseUntil).where(sql`first_position is not null`),
    index('uploads_of_batch').on(t.batchId, t.createdAt, t.id),
    index('uploads_age').on(t.createdAt),
  ],
);

/** A row of `uploads`. */
export type UploadRow = typeof uploads.$inferSelect;
