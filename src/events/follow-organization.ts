/**
 * The feed of an organization: every change of every batch, at least once, told apart by (batch, seq). A mark
 * names a place in the order of all commits; reading at or above it later misses nothing, and may repeat what
 * was being committed when it was taken.
 */
import { type BatchFilter, passes } from '../db/queries/batches.ts';
import {
  batchesSince,
  deletionsAmong,
  type FeedEntry,
  feedMark,
  feedSince,
  firstFeedMark,
  isFeedMark,
} from '../db/queries/events.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';
import { type BatchChanged, changeAfter, changeOfDeletion, freshStart } from './follow-batch.ts';
import type { Follower } from './hub.ts';
import { followed, type Stream } from './stream.ts';

/** A change in the feed, and the place to resume after it. */
export interface FeedChanged extends BatchChanged {
  readonly mark: FeedMark;
}

/** A place in the feed. */
export interface FeedMark {
  readonly mark: string;
  /** When it was taken, to know whether the events since are still kept. */
  readonly at: Date;
}

/** Before every event, and older than all that is kept: whoever resumes here gets everything afresh. */
const beginning: FeedMark = { mark: firstFeedMark, at: new Date(0) };

type Parts = Pick<Services, 'db' | 'hub' | 'clock' | 'settings'>;

/**
 * The changes of the organization's batches that pass the filter, from now on or since `after`; deletions
 * always. Runs until its consumer leaves. A mark that is too old or of another database is answered by every
 * batch's newest state, as a resync.
 */
export async function followOrganization(
  parts: Parts,
  scope: OrganizationScope,
  { filter, after }: { filter: BatchFilter; after: FeedMark | null },
): Promise<Stream<FeedChanged>> {
  const place = after ?? (await placeOfNow(parts, scope));
  const resync = after !== null && (await isLost(parts, scope, after));
  const told = new Map<string, number>();
  if (after === null) {
    // What is above the mark and visible by now was there before the subscriber.
    for (const { batchId, seq } of await parts.db.read((q) => feedSince(scope, q, place.mark))) {
      told.set(batchId, seq);
    }
  }
  const start = { place: resync ? beginning : place, resync, told, filter };
  return followed(parts.hub, { organizationId: scope.organizationId }, (follower) =>
    changesOf(parts, scope, start, follower),
  );
}

async function placeOfNow({ db, clock }: Parts, scope: OrganizationScope): Promise<FeedMark> {
  const at = clock.now();
  return { mark: await db.read((q) => feedMark(scope, q)), at };
}

/** Events are deleted by the time at which their transaction began, which may lie before a mark that it is above. */
const marginMilliseconds = 3_600_000;

async function isLost(
  { db, clock, settings }: Parts,
  scope: OrganizationScope,
  after: FeedMark,
): Promise<boolean> {
  const age = clock.now().getTime() - after.at.getTime();
  if (age > settings.eventRetentionDays * 86_400_000 - marginMilliseconds) return true;
  return !(await db.read((q) => isFeedMark(scope, q, after.mark)));
}

/** Where a feed begins. */
interface Start {
  readonly place: FeedMark;
  readonly resync: boolean;
  /** The newest number told of each batch that shows above the mark. */
  readonly told: Map<string, number>;
  readonly filter: BatchFilter;
}

async function* changesOf(
  parts: Parts,
  scope: OrganizationScope,
  { place: first, resync: fresh, told, filter }: Start,
  follower: Follower,
): AsyncGenerator<FeedChanged, void, undefined> {
  let place = first;
  let resync = fresh;
  do {
    // The mark is taken before the reading, so that whatever this reading misses lies at or above it.
    const next = await placeOfNow(parts, scope);
    const entries = await parts.db.read((q) => feedSince(scope, q, place.mark));
    const moved = entries.filter((entry) => entry.seq > (told.get(entry.batchId) ?? 0));
    // One change is held back until it is known where the next one begins: its subscriber goes on there.
    let held: BatchChanged | null = null;
    for await (const { change, entry } of newestOf(parts, scope, moved, told, resync)) {
      told.set(change.batchId, change.seq);
      if (change.batch !== null && !passes(filter, change.batch)) continue;
      if (held !== null) yield { ...held, mark: resync ? beginning : earlier(entry.mark, place, next) };
      held = change;
    }
    if (held !== null) yield { ...held, mark: next };
    forgetQuiet(told, entries);
    place = next;
    resync = false;
  } while ((await follower.next()) === 'moved');
}

/** The place before the first event that is still to be told, and never behind the reading. */
const earlier = (mark: string, place: FeedMark, next: FeedMark): FeedMark =>
  BigInt(mark) < BigInt(next.mark) ? { mark, at: place.at } : next;

/** Rows are read this many at a time, so that a resync of a large organization holds few of them. */
const rowsPerReading = 500;

/** One change per batch that moved, in the order of the entries. */
async function* newestOf(
  { db }: Parts,
  scope: OrganizationScope,
  moved: readonly FeedEntry[],
  told: ReadonlyMap<string, number>,
  resync: boolean,
): AsyncGenerator<{ change: BatchChanged; entry: FeedEntry }, void, undefined> {
  for (let from = 0; from < moved.length; from += rowsPerReading) {
    const entries = moved.slice(from, from + rowsPerReading);
    const afterOf = ({ batchId, fromSeq, seq }: FeedEntry) =>
      resync ? seq : (told.get(batchId) ?? fromSeq - 1);
    const places = entries.map((entry) => ({ batchId: entry.batchId, after: afterOf(entry) }));
    const found = await db.read((q) => batchesSince(scope, q, places));
    const rows = new Map(found.map((row) => [row.batch.id, row]));
    const gone = entries.map(({ batchId }) => batchId).filter((id) => !rows.has(id));
    const deletions = gone.length === 0 ? [] : await db.read((q) => deletionsAmong(scope, q, gone));
    const deleted = new Map(deletions.map((event) => [event.batchId, event]));
    for (const entry of entries) {
      const row = rows.get(entry.batchId);
      const deletion = deleted.get(entry.batchId);
      const after = afterOf(entry);
      if (row !== undefined) {
        yield { entry, change: resync ? freshStart(row.batch, true) : changeAfter(after, row) };
      } else if (deletion !== undefined) {
        yield { entry, change: { ...changeOfDeletion(deletion, resync ? 0 : after), resync } };
      }
    }
  }
}

/** What no longer shows at or above the mark cannot be repeated, so it need not be remembered. */
function forgetQuiet(told: Map<string, number>, entries: readonly FeedEntry[]): void {
  const shown = new Set(entries.map((entry) => entry.batchId));
  for (const id of told.keys()) if (!shown.has(id)) told.delete(id);
}
