/**
 * What followers read, in one place for a whole process, so that those who ask for the same are answered with the very
 * same object. What is read, and what follows from it, stands with each kind of follower.
 */
import type { Services } from '../services.ts';
import { batchReadings } from './follow-batch.ts';
import { frameReadings } from './follow-items.ts';
import { jobReadings } from './follow-jobs.ts';
import { feedChangeReadings, feedReadings } from './follow-organization.ts';

/** The readings of one process. */
export type Readings = ReturnType<typeof createReadings>;

/** Readings of this database. */
export const createReadings = (parts: Pick<Services, 'db' | 'clock'>) => ({
  /** A batch after a number. */
  batch: batchReadings(parts.db),
  /** Items that finished after a place. */
  frame: frameReadings(parts.db),
  /** Jobs that changed after a number. */
  jobs: jobReadings(parts.db),
  /** An organization's batches after a mark. */
  feed: feedReadings(parts),
  /** What happened to a batch of the feed. */
  feedChange: feedChangeReadings(parts.db),
});
