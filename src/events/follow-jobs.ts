/**
 * The jobs of one batch, followed: each job once at the start, then each that changed, in its newest state. A
 * subscriber that reads slowly skips states in between, never the last one.
 */
import { findBatch } from '../db/queries/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { Scope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import { stepped } from './stepped.ts';
import type { Stream } from './stream.ts';

/**
 * The changed jobs of a batch, by number. Ends when the batch is terminal or deleted. Throws `NotFoundError`
 * where the scope has no such batch.
 */
export async function followJobs(
  { db, hub, readings }: Pick<Services, 'db' | 'hub' | 'readings'>,
  scope: Scope,
  batchId: string,
): Promise<Stream<JobRow>> {
  const batch = await db.read((q) => findBatch(scope, q, batchId));
  if (batch === null) throw new NotFoundError('batch', batchId);
  return stepped(hub, { batchId }, 0, (after) => readings.jobs({ scope, batchId, after }));
}
