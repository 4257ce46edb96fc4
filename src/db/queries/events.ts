/** Statements on events: writing one (under the batch's lock), and reading them back for those who follow. */
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { EventKind } from '../../domain/event.ts';
import type { JsonObject } from '../../domain/json-line.ts';
import type { Scope, WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { type BatchRow, batches } from '../tables/batches.ts';
import { type EventRow, events } from '../tables/events.ts';
import { batchInScope, inScope, owned } from './scope.ts';

/** A change to be told. */
export interface NewEvent {
  readonly batchId: string;
  readonly organizationId: string;
  readonly seq: number;
  readonly kind: EventKind;
  readonly data: JsonObject;
  readonly at: Date;
}

/** The channel that wakes listeners; a hint without content worth having. */
export const eventChannel = 'batchql_events';
/** What a hint begins with that is about a key and not about a batch. */
export const keyWord = 'key';
/** What a hint begins with that is about an upload. */
export const uploadWord = 'upload';

/** Writes the event and, where it `notifies`, tells listeners at commit that the batch moved. */
export async function insertEvent(
  scope: Scope,
  tx: Queryable,
  event: NewEvent,
  { notifies }: { readonly notifies: boolean },
): Promise<void> {
  await tx.insert(events).values({ ...owned(scope, event), xid: sql`pg_current_xact_id()` as never });
  // Whoever notifies commits one after the other, across the whole server.
  if (!notifies) return;
  await tx.execute(
    sql`select pg_notify(${eventChannel}, ${`${event.organizationId} ${event.batchId} ${event.seq}`})`,
  );
}

/** Tells listeners nothing but this text, by which one of them knows that it hears. */
export async function notifyProof(_worker: WorkerScope, db: Queryable, proof: string): Promise<void> {
  await db.execute(sql`select pg_notify(${eventChannel}, ${proof}) as proof`);
}

/** Removes the events of a batch. */
export async function deleteEvents(scope: Scope, tx: Queryable, batchId: string): Promise<void> {
  await tx.delete(events).where(and(eq(events.batchId, batchId), inScope(scope, events.organizationId)));
}

/** Removes events older than `before`. The newest event of a batch stays, so that its numbering goes on. */
export async function deleteEventsBefore(
  _worker: WorkerScope,
  db: Queryable,
  before: Date,
  limit: number,
): Promise<number> {
  const { rows } = await db.execute(sql`
    delete from events where (batch_id, seq) in (
      select e.batch_id, e.seq from events e
      where e.at < ${before.toISOString()}::timestamptz
        and exists (select 1 from events n where n.batch_id = e.batch_id and n.seq > e.seq)
      order by e.at limit ${limit})
    returning 1`);
  return rows.length;
}

/** A batch as it is now, with what happened to it since a number. */
export interface BatchSince {
  readonly batch: BatchRow;
  /** The number that was asked about. */
  readonly after: number;
  /** The kinds of the events after the number, in order of first appearance; empty where nothing happened. */
  readonly kinds: EventKind[];
  /** The kind of the newest of them; null where there is none. */
  readonly newest: EventKind | null;
  /** The number of the oldest event after the given one that is still kept; null where there is none. */
  readonly oldest: number | null;
}

/** Batches and what happened to each after a number, in one statement, so that both are of one moment. */
export async function batchesSince(
  scope: Scope,
  db: Queryable,
  places: readonly { batchId: string; after: number }[],
): Promise<BatchSince[]> {
  const since = sql`from events e where e.batch_id = ${batches.id} and e.seq > k.after and e.seq <= ${batches.version}`;
  return db
    .select({
      batch: batches,
      after: sql<number>`k.after`,
      kinds: sql<
        EventKind[]
      >`array(select x.kind from (select e.kind, min(e.seq) as seq ${since} group by e.kind) x order by x.seq)`,
      newest: sql<EventKind | null>`(select e.kind ${since} order by e.seq desc limit 1)`,
      oldest: sql<number | null>`(select min(e.seq) ${since})`,
    })
    .from(batches)
    .innerJoin(
      sql`unnest(${sql.param(places.map((place) => place.batchId))}::uuid[], ${sql.param(places.map((place) => place.after))}::int[]) as k(id, after)`,
      sql`k.id = ${batches.id}`,
    )
    .where(inScope(scope, batches.organizationId));
}

/** Which of these batches are known to have been deleted, as far as their last event is still kept. */
export async function deletionsAmong(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
): Promise<EventRow[]> {
  return db
    .select()
    .from(events)
    .where(
      and(
        inArray(events.batchId, [...batchIds]),
        eq(events.kind, 'BATCH_DELETED'),
        inScope(scope, events.organizationId),
      ),
    );
}

/**
 * A mark in the stream of all commits: every transaction below it is visible to whoever read it, so reading
 * the events at or above it later misses none.
 */
export async function feedMark(_scope: Scope, db: Queryable): Promise<string> {
  const {
    rows: [row],
  } = await db.execute<{ mark: string }>(sql`select pg_snapshot_xmin(pg_current_snapshot())::text as mark`);
  if (row === undefined) throw new Error('a snapshot always has an xmin');
  return row.mark;
}

/** Where the feed stands for one batch: the first and last of its events at or above the mark. */
export interface FeedEntry {
  readonly batchId: string;
  readonly fromSeq: number;
  readonly seq: number;
  /** The mark of the first. */
  readonly mark: string;
}

/** Whether a mark can be of this database: one that lies ahead of every transaction is of another. */
export async function isFeedMark(_scope: Scope, db: Queryable, mark: string): Promise<boolean> {
  const {
    rows: [row],
  } = await db.execute<{ known: boolean }>(
    sql`select ${mark}::xid8 <= pg_snapshot_xmax(pg_current_snapshot()) as known`,
  );
  return row?.known ?? false;
}

/** The mark that lies before every event, also before those that were restored from another database. */
export const firstFeedMark = '0';

/** The batches of the organization that moved at or above `mark`, in the order of their first event there. */
export async function feedSince(scope: Scope, db: Queryable, mark: string): Promise<FeedEntry[]> {
  // What a restored database brought along has numbers that have not been given here yet.
  const moved = sql`${events.xid} >= ${mark}::xid8 and ${events.xid} < pg_snapshot_xmax(pg_current_snapshot())`;
  return db
    .select({
      batchId: events.batchId,
      fromSeq: sql<number>`min(${events.seq})`,
      seq: sql<number>`max(${events.seq})`,
      mark: sql<string>`min(${events.xid}::text::numeric)::text`,
    })
    .from(events)
    .where(and(inScope(scope, events.organizationId), mark === firstFeedMark ? sql`true` : moved))
    .groupBy(events.batchId)
    .orderBy(sql`min(${events.xid}::text::numeric), ${events.batchId}`);
}

/** Where a page of events starts and which way it goes. */
export interface EventPage {
  readonly limit: number;
  readonly order: 'ascending' | 'descending';
  /** The number that the page lies beyond. */
  readonly beyond: number | null;
}

/** One page of each batch's events by number. */
export async function eventPages(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
  page: EventPage,
): Promise<EventRow[]> {
  const ascending = page.order === 'ascending';
  const beyond =
    page.beyond === null ? sql`true` : ascending ? sql`e.seq > ${page.beyond}` : sql`e.seq < ${page.beyond}`;
  return db
    .select({
      batchId: sql<string>`x.batch_id`,
      seq: sql<number>`x.seq`,
      organizationId: sql<string>`x.organization_id`,
      kind: sql<EventKind>`x.kind`,
      data: sql<JsonObject>`x.data`,
      at: sql<Date>`x.at`.mapWith(events.at),
      xid: sql<string>`x.xid::text`,
    })
    .from(
      sql`unnest(${sql.param(batchIds)}::uuid[]) as b(id) cross join lateral (
        select * from events e where e.batch_id = b.id and ${beyond} and ${batchInScope(scope, sql`e.batch_id`)}
        order by e.seq ${ascending ? sql`asc` : sql`desc`} limit ${page.limit}) x`,
    );
}

/** How many events of each batch are kept; a batch without any is left out. */
export async function countEvents(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
): Promise<Map<string, number>> {
  const rows = await db
    .select({ batchId: events.batchId, count: sql<number>`count(*)::int` })
    .from(events)
    .where(and(inArray(events.batchId, [...batchIds]), inScope(scope, events.organizationId)))
    .groupBy(events.batchId);
  return new Map(rows.map((row) => [row.batchId, row.count]));
}
