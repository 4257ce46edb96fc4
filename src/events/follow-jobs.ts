/**
 * The jobs of one batch, followed: each job once at the start, then each that changed, in its newest state. A
 * subscriber that reads slowly skips states in between, never the last one.
 */
import { findBatch } from '../db/queries/batches.ts';
import { jobsOfBatch } from '../db/queries/jobs.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { Scope } from '../domain/scope.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import { gathered, ofEachOrganization, ownerOf } from './gathering.ts';
import type { Follower } from './hub.ts';
import { followed, type Stream } from './stream.ts';

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
  return followed(hub, { batchId }, (follower) => changedJobs(readings, { scope, batchId }, follower));
}

async function* changedJobs(
  readings: Services['readings'],
  whose: Omit<JobsWanted, 'after'>,
  follower: Follower,
): AsyncGenerator<JobRow, void, undefined> {
  let after = 0;
  do {
    const { changed, next } = await readings.jobs({ ...whose, after });
    yield* changed;
    if (next === null) return;
    after = next;
  } while ((await follower.next()) === 'moved');
}

/** Whose batch's jobs are asked about, and from which of its numbers on. */
interface JobsWanted {
  readonly scope: Scope;
  readonly batchId: string;
  readonly after: number;
}

/** The jobs that changed, and the number to ask after next time; null where nothing more can come. */
interface JobsReading {
  readonly changed: readonly JobRow[];
  readonly next: number | null;
}

/** Reads for all who follow jobs: those at the same number of the same batch get the same. */
export const jobReadings = (db: Services['db']) =>
  gathered(
    ({ scope, batchId, after }: JobsWanted) => `${ownerOf(scope)} ${batchId} ${after}`,
    ofEachOrganization((scope, wanted: readonly JobsWanted[]) =>
      Promise.all(wanted.map((each) => readJobs(db, scope, each))),
    ),
  );

async function readJobs(
  db: Services['db'],
  scope: Scope,
  { batchId, after }: JobsWanted,
): Promise<JobsReading> {
  const batch = await db.read((q) => findBatch(scope, q, batchId));
  if (batch === null) return { changed: [], next: null };
  const jobs = await db.read((q) => jobsOfBatch(scope, q, batchId));
  // A job that changes after this reading is newer than `next` and comes in the next round.
  const newest = Math.max(after, batch.version, ...jobs.map((job) => job.version));
  return {
    changed: jobs.filter((job) => job.version > after),
    next: isTerminalBatch(batch.status) ? null : newest,
  };
}
