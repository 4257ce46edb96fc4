/**
 * What moved in organizations, read for all who follow their feeds: those at the same mark get the same entries, and of
 * the same batch after the same number the very same change.
 */
import type { Database } from '../db/client.ts';
import { type FeedEntry, feedMark, feedSince } from '../db/queries/events.ts';
import { type OrganizationScope, sightOf } from '../domain/scope.ts';
import {
  type BatchChanged,
  changeAfter,
  changeOfDeletion,
  freshStart,
  type Happened,
  whatHappened,
} from './batch-changes.ts';
import { gathered, ofEachSight } from './gathering.ts';

/** A place in the feed. */
export interface FeedMark {
  readonly mark: string;
  /** When it was taken, to know whether the events since are still kept. */
  readonly at: Date;
}

/** Whose feed is asked for, and from which mark on; null for what shows now above everything that is over. */
interface FeedWanted {
  readonly scope: OrganizationScope;
  readonly mark: string | null;
}

/** What moved, and the place to ask from next time. */
interface FeedReading {
  readonly now: FeedMark;
  readonly entries: readonly FeedEntry[];
}

/** Reads for all who follow organizations: those at the same mark get the same. */
export const feedReadings = (db: Database, now: () => Date) =>
  gathered(
    ({ scope, mark }: FeedWanted) => `${sightOf(scope)} ${mark}`,
    ofEachSight(async (scope, wanted: readonly FeedWanted[]): Promise<FeedReading[]> => {
      // The mark is taken before the reading, so that whatever this reading misses lies at or above it.
      const at = now();
      const place: FeedMark = { mark: await db.read((q) => feedMark(scope, q)), at };
      return Promise.all(
        wanted.map(async ({ mark }) => ({
          now: place,
          entries: await db.read((q) => feedSince(scope, q, mark ?? place.mark)),
        })),
      );
    }),
  );

/** Which batch of the feed, and after which of its numbers; afresh where `resync`. */
interface FeedChangeWanted {
  readonly scope: OrganizationScope;
  readonly batchId: string;
  readonly after: number;
  readonly resync: boolean;
}

/** Reads the changes themselves: of the same batch after the same number, the same. Null where nothing is known of it. */
export const feedChangeReadings = (db: Database) =>
  gathered(
    ({ scope, batchId, after, resync }: FeedChangeWanted) =>
      `${sightOf(scope)} ${batchId} ${after} ${resync}`,
    ofEachSight(async (scope, wanted: readonly FeedChangeWanted[]) => {
      const found = await whatHappened(db, scope, wanted);
      return wanted.map((each, at) => changeIn(each, found[at]));
    }),
  );

function changeIn({ after, resync }: FeedChangeWanted, happened: Happened | undefined): BatchChanged | null {
  const { row = null, deletion = null } = happened ?? {};
  if (row !== null) return resync ? freshStart(row.batch, true) : changeAfter(row);
  return deletion === null ? null : { ...changeOfDeletion(deletion, resync ? 0 : after), resync };
}
