/**
 * What followers read, in one place for a whole process, so that those who ask for the same are answered with the very
 * same object. What is read, and what follows from it, stands with each.
 */
import type { Database } from '../db/client.ts';
import { batchReadings } from './batch-changes.ts';
import { jobReadings } from './changed-jobs.ts';
import { feedChangeReadings, feedReadings } from './feed-changes.ts';
import { frameReadings } from './finished-items.ts';

/** The readings of one process. */
export type Readings = ReturnType<typeof createReadings>;

/** Readings of this database; `now` tells when a place in a feed is taken. */
export const createReadings = (db: Database, now: () => Date) => ({
  /** A batch after a number. */
  batch: batchReadings(db),
  /** Items that finished after a place. */
  frame: frameReadings(db),
  /** Jobs that changed after a number. */
  jobs: jobReadings(db),
  /** An organization's batches after a mark. */
  feed: feedReadings(db, now),
  /** What happened to a batch of the feed. */
  feedChange: feedChangeReadings(db),
});
