/** The streams of the API: reads where to resume, follows, and makes of each change what the schema shows. */
import { z } from 'zod';
import { type Context, forgetLoaded } from '../context.ts';
import type { FinishedItem } from '../db/queries/item-pages.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { decodeCursor, encodeCursor } from '../domain/page.ts';
import { ArgumentError } from '../errors.ts';
import type { BatchChanged } from '../events/batch-changes.ts';
import type { FeedMark } from '../events/feed-changes.ts';
import { type FramePlace, firstPlace, type ItemsFrame } from '../events/finished-items.ts';
import { followBatch } from '../events/follow-batch.ts';
import { followFinishedItems } from '../events/follow-items.ts';
import { followJobs } from '../events/follow-jobs.ts';
import { type FeedChanged, followOrganization } from '../events/follow-organization.ts';
import type { Stream } from '../events/stream.ts';
import { uuidOfArgument } from './arguments.ts';
import { type GivenBatchFilter, readBatchFilter } from './lists.ts';

/** A change of a batch, as the schema's type is backed; in the feed with a cursor to resume after. */
export interface BatchEventModel extends BatchChanged {
  readonly cursor: string | null;
}

/** Items that finished, as the schema's type is backed. */
export interface ItemsFrameModel {
  readonly items: readonly FinishedItem[];
  readonly cursor: string;
}

/** The changes of one batch. */
export async function batchUpdated(
  args: { id: string; after?: number | null | undefined },
  { services, scope }: Context,
): Promise<Stream<BatchChanged>> {
  const id = uuidOfArgument('Batch', 'id', args.id);
  const after = args.after ?? null;
  if (after !== null && after < 0) throw new ArgumentError('after', '"after" must not be negative.');
  return followBatch(services, scope, id, after);
}

/** The changes of all the organization's batches that pass the filter. */
export async function batchesUpdated(
  args: { filter?: GivenBatchFilter | null | undefined; after?: string | null | undefined },
  { services, scope }: Context,
): Promise<Stream<FeedChanged>> {
  const filter = readBatchFilter(args.filter);
  const after = typeof args.after === 'string' ? readFeedCursor(args.after) : null;
  return followOrganization(services, scope, { filter, after });
}

/** The items of one batch as they finish. */
export async function batchItemsFinished(
  args: { batchId: string; after?: string | null | undefined },
  { services, scope }: Context,
): Promise<Stream<ItemsFrame>> {
  const id = uuidOfArgument('Batch', 'batchId', args.batchId);
  const after = typeof args.after === 'string' ? readFrameCursor(args.after) : firstPlace;
  return followFinishedItems(services, scope, id, after);
}

/** The jobs of one batch as they change. */
export async function jobUpdated(
  args: { batchId: string },
  { services, scope }: Context,
): Promise<Stream<JobRow>> {
  return followJobs(services, scope, uuidOfArgument('Batch', 'batchId', args.batchId));
}

/** A change as `batchUpdated` tells it. */
export const batchEvent = (change: BatchChanged, context: Context): BatchEventModel =>
  fresh(context, { ...change, cursor: null });

/** A change as `batchesUpdated` tells it. */
export const feedEvent = (
  { mark: { mark, at }, ...change }: FeedChanged,
  context: Context,
): BatchEventModel => fresh(context, { ...change, cursor: encodeCursor('feed', [mark, at.getTime()]) });

/** A frame as `batchItemsFinished` tells it. */
export const itemsFrame = ({ items, after }: ItemsFrame, context: Context): ItemsFrameModel =>
  fresh(context, { items, cursor: encodeCursor('frame', [after.seq, after.position]) });

/** A job as `jobUpdated` tells it. */
export const changedJob = (job: JobRow, context: Context): JobRow => fresh(context, job);

/** What was loaded for the event before is old by now. */
function fresh<Event>(context: Context, event: Event): Event {
  forgetLoaded(context);
  return event;
}

const int4 = z.int().min(-1).max(2_147_483_647);

function readFrameCursor(text: string): FramePlace {
  const [seq, position] = decodeCursor('frame', 'after', text, z.tuple([int4, int4]));
  return { seq, position };
}

const transactionNumber = z.string().regex(/^\d{1,19}$/);
const milliseconds = z.int().min(0).max(8_640_000_000_000_000);

function readFeedCursor(text: string): FeedMark {
  const [mark, at] = decodeCursor('feed', 'after', text, z.tuple([transactionNumber, milliseconds]));
  return { mark, at: new Date(at) };
}
