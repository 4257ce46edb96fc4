/**
 * The feed of an organization: every change of every batch, at least once, told apart by (batch, seq). A mark
 * names a place in the order of all commits; reading at or above it later misses nothing, and may repeat what
 * was being committed when it was taken.
 */
import { type FeedEntry, firstFeedMark, isFeedMark } from '../db/queries/events.ts';
import { type BatchFilter, passes } from '../domain/batch-filter.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';
import type { BatchChanged } from './batch-changes.ts';
import type { FeedMark } from './feed-changes.ts';
import type { Follower } from './hub.ts';
import { followed, type Stream } from './stream.ts';

/** A change in the feed, and the place to resume after it. */
export interface FeedChanged extends BatchChanged {
  readonly mark: FeedMark;
}

/** Before every event, and older than all that is kept: whoever resumes here gets everything afresh. */
const beginning: FeedMark = { mark: firstFeedMark, at: new Date(0) };

type Parts = Pick<Services, 'db' | 'hub' | 'clock' | 'settings' | 'readings'>;

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
  const start = { ...(await startOf(parts, scope, after)), filter };
  return followed(parts.hub, { organizationId: scope.organizationId }, (follower) =>
    changesOf(parts.readings, scope, start, follower),
  );
}

async function startOf(
  parts: Parts,
  scope: OrganizationScope,
  after: FeedMark | null,
): Promise<Omit<Start, 'filter'>> {
  if (after === null) {
    // What is above the mark and visible by now was there before the subscriber.
    const { now, entries } = await parts.readings.feed({ scope, mark: null });
    return { place: now, resync: false, told: new Map(entries.map(({ batchId, seq }) => [batchId, seq])) };
  }
  const resync = await isLost(parts, scope, after);
  return { place: resync ? beginning : after, resync, told: new Map() };
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
  readings: Services['readings'],
  scope: OrganizationScope,
  { place: first, resync: fresh, told, filter }: Start,
  follower: Follower,
): AsyncGenerator<FeedChanged, void, undefined> {
  let place = first;
  let resync = fresh;
  do {
    const { now, entries } = await readings.feed({ scope, mark: place.mark });
    const moved = entries.filter((entry) => entry.seq > (told.get(entry.batchId) ?? 0));
    // One change is held back until it is known where the next one begins: its subscriber goes on there.
    let held: BatchChanged | null = null;
    for await (const { change, entry } of newestOf(readings, scope, moved, told, resync)) {
      told.set(change.batchId, change.seq);
      if (change.batch !== null && !passes(filter, change.batch)) continue;
      if (held !== null) yield marked(held, resync ? beginning : earlier(entry.mark, place, now));
      held = change;
    }
    if (held !== null) yield marked(held, now);
    forgetQuiet(told, entries);
    place = now;
    resync = false;
  } while ((await follower.next()) === 'moved');
}

/** The place before the first event that is still to be told, and never behind the reading. */
const earlier = (mark: string, place: FeedMark, now: FeedMark): FeedMark =>
  BigInt(mark) < BigInt(now.mark) ? { mark, at: place.at } : now;

const marks = new WeakMap<BatchChanged, Map<string, FeedChanged>>();

/** A change with its place; for the same of both the same object, so that it is executed once for all who are told. */
function marked(change: BatchChanged, mark: FeedMark): FeedChanged {
  const known = marks.get(change) ?? new Map<string, FeedChanged>();
  marks.set(change, known);
  const key = `${mark.mark} ${mark.at.getTime()}`;
  const feedChange = known.get(key) ?? { ...change, mark };
  known.set(key, feedChange);
  return feedChange;
}

/** Rows are read this many at a time, so that a resync of a large organization holds few of them. */
const rowsPerReading = 500;

/** One change per batch that moved, in the order of the entries. */
async function* newestOf(
  readings: Services['readings'],
  scope: OrganizationScope,
  moved: readonly FeedEntry[],
  told: ReadonlyMap<string, number>,
  resync: boolean,
): AsyncGenerator<{ change: BatchChanged; entry: FeedEntry }, void, undefined> {
  for (let from = 0; from < moved.length; from += rowsPerReading) {
    const entries = moved.slice(from, from + rowsPerReading);
    const changes = await Promise.all(
      entries.map(({ batchId, fromSeq, seq }) => {
        const after = resync ? seq : (told.get(batchId) ?? fromSeq - 1);
        return readings.feedChange({ scope, batchId, after, resync });
      }),
    );
    for (const [at, entry] of entries.entries()) {
      const change = changes[at];
      if (change) yield { entry, change };
    }
  }
}

/** What no longer shows at or above the mark cannot be repeated, so it need not be remembered. */
function forgetQuiet(told: Map<string, number>, entries: readonly FeedEntry[]): void {
  const shown = new Set(entries.map((entry) => entry.batchId));
  for (const id of told.keys()) if (!shown.has(id)) told.delete(id);
}
