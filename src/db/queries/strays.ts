/** Statements on strays: result lines that belong to no item. */
import { createHash } from 'node:crypto';
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Scope, WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { strays } from '../tables/strays.ts';
import { batchInScope } from './scope.ts';

/** A line and why it is one. */
export interface Stray {
  readonly line: string;
  readonly reason: string;
}

/** Keeps strays of a job, and answers how many are new; one that is kept already stays as it is. */
export async function insertStrays(
  _worker: WorkerScope,
  tx: Queryable,
  origin: { jobId: string; batchId: string; seq: number; at: Date },
  rows: readonly Stray[],
): Promise<number> {
  if (rows.length === 0) return 0;
  const digest = (line: string) => createHash('sha256').update(line).digest('hex');
  const kept = await tx
    .insert(strays)
    .values(rows.map((row) => ({ ...origin, ...row, digest: digest(row.line) })))
    .onConflictDoNothing()
    .returning({ digest: strays.digest });
  return kept.length;
}

/** How many strays each job has; a job without any is left out. */
export async function countStrays(
  scope: Scope,
  db: Queryable,
  jobIds: readonly string[],
): Promise<Map<string, number>> {
  const rows = await db
    .select({ jobId: strays.jobId, count: sql<number>`count(*)::int` })
    .from(strays)
    .where(and(inArray(strays.jobId, [...jobIds]), batchInScope(scope, strays.batchId)))
    .groupBy(strays.jobId);
  return new Map(rows.map((row) => [row.jobId, row.count]));
}

/** Removes the strays of a batch. */
export async function deleteStrays(scope: Scope, tx: Queryable, batchId: string): Promise<void> {
  await tx.delete(strays).where(and(eq(strays.batchId, batchId), batchInScope(scope, strays.batchId)));
}
