/** What a batch answers when it is asked for its fields. Shapes rows for the schema; decides nothing. */
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { ItemFilter, ItemView } from '../db/queries/item-pages.ts';
import type { ErrorGroup } from '../db/queries/results.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { EventRow } from '../db/tables/events.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { progress } from '../domain/batch.ts';
import { customIdSchema } from '../domain/custom-id.ts';
import { expectedCompletion, lastOf } from '../domain/expected-completion.ts';
import { encodeCursor, type PageArguments } from '../domain/page.ts';
import { keptUntil } from '../domain/retention.ts';
import { policyOf, type RetryPolicy } from '../domain/retry.ts';
import type { ItemStatus } from '../domain/status.ts';
import { isTerminalBatch } from '../domain/status.ts';
import { ArgumentError } from '../errors.ts';
import { cursorOf, numberWindow, pageSizes, uuidOfArgument } from './arguments.ts';
import { type Asked, type Connection, connectionOf, readingLimit, readingOrder } from './connection.ts';

/** A batch, as the schema's type is backed. */
export type BatchModel = BatchRow;
/** A group of failures, as the schema's type is backed. */
export type ErrorGroupModel = ErrorGroup;

/** How a batch retries by itself, as the schema's type is backed. */
export type RetryPolicyModel = RetryPolicy;

/** How the batch tries failures again by itself; null where it does not. */
export const retryPolicy = (batch: BatchRow): RetryPolicy | null => policyOf(batch);

/** The batch with this id; null where the caller's organization has none. */
export async function batchById({ id }: { id: string }, { loaders }: Context): Promise<BatchRow | null> {
  return loaders.batch.load(uuidOfArgument('Batch', 'id', id));
}

/** Items of the batch in the caller's order. */
export async function batchItems(
  batch: BatchRow,
  args: PageArguments & { filter?: ItemFilter | null | undefined },
  { loaders }: Context,
): Promise<Connection<ItemView>> {
  refuseHopeless('filter', { ...args.filter });
  const { window, beyond } = numberWindow('item', args, pageSizes.items);
  const filter = args.filter ?? {};
  const page = { limit: readingLimit(window), order: readingOrder(window, 'ascending'), beyond };
  const rows = await loaders.items({ filter, page }).load(batch.id);
  return connectionOf(
    window,
    rows,
    (item) => encodeCursor('item', [item.position]),
    async () => countedItems(batch, filter) ?? loaders.itemCount(filter).load(batch.id),
  );
}

/** How many items pass, where the batch's own counts tell; null where they have to be counted. */
function countedItems(batch: BatchRow, { status, errorCode }: ItemFilter): number | null {
  if (errorCode) return null;
  if (!status) return batch.total;
  const counts = {
    PENDING: batch.pending,
    SUBMITTED: batch.submitted,
    SUCCEEDED: batch.succeeded,
    ERRORED: batch.errored,
    EXPIRED: batch.expired,
    CANCELLED: batch.cancelled,
  } as const satisfies Record<ItemStatus, number>;
  return [...new Set(status)].reduce((sum, each) => sum + counts[each], 0);
}

/** The item of the batch with the caller's id; null where there is none. */
export async function batchItem(
  batch: BatchRow,
  { customId }: { customId: string },
  { loaders }: Context,
): Promise<ItemView | null> {
  // What cannot be a customId would reach the database as another text, or not at all.
  if (!customIdSchema.safeParse(customId).success) return null;
  return loaders.itemByCustomId.load({ batchId: batch.id, customId });
}

/** The jobs that the batch was split into, by number. */
export async function batchJobs(
  batch: BatchRow,
  args: PageArguments,
  { loaders }: Context,
  asked: Asked<JobRow> = null,
): Promise<Connection<JobRow>> {
  const { window, beyond } = numberWindow('job', args, pageSizes.batches);
  const page = { limit: readingLimit(window), order: readingOrder(window, 'ascending'), beyond };
  const rows = await loaders.jobs({ page, columns: asked }).load(batch.id);
  return connectionOf(
    window,
    rows,
    (job) => encodeCursor('job', [job.number]),
    () => loaders.jobCount.load(batch.id),
  );
}

/** The events of the batch that are still kept, oldest first. */
export async function batchEvents(
  batch: BatchRow,
  args: PageArguments,
  { loaders }: Context,
): Promise<Connection<EventRow>> {
  const { window, beyond } = numberWindow('event', args, pageSizes.batches);
  const page = { limit: readingLimit(window), order: readingOrder(window, 'ascending'), beyond };
  const rows = await loaders.events(page).load(batch.id);
  return connectionOf(
    window,
    rows,
    (event) => encodeCursor('event', [event.seq]),
    () => loaders.eventCount.load(batch.id),
  );
}

/** What failed in the batch, by code. */
export async function batchErrorGroups(
  batch: BatchRow,
  { loaders }: Context,
): Promise<readonly ErrorGroup[]> {
  return loaders.errorGroups.load(batch.id);
}

/** An item that met the error. */
export async function errorGroupSample(group: ErrorGroup, { loaders }: Context): Promise<ItemView | null> {
  return loaders.item.load({ batchId: group.batchId, position: group.samplePosition });
}

/** The share of items with a result. */
export const batchProgress = (batch: BatchRow): number =>
  progress({ status: batch.status, counts: batch, total: batch.total });

/** When its last job is likely to be done; null where that cannot be told, and where no job is under way. */
export async function batchExpectedCompletion(
  batch: BatchRow,
  { loaders, services }: Context,
): Promise<Date | null> {
  if (isTerminalBatch(batch.status)) return null;
  const now = services.clock.now();
  const kinds = await loaders.unfinishedJobs.load(batch.id);
  return lastOf(kinds.map((kind) => expectedCompletion(kind, kind.runs, now)));
}

/** Until when its requests and results are kept; null where no end is set, and once they are removed. */
export const resultsKeptUntil = (batch: BatchRow, { services: { settings } }: Context): Date | null =>
  batch.resultsRemovedAt === null ? keptUntil(batch, settings.resultRetentionDays) : null;

/** The cursor of a list of rows by creation time, and back. */
export const creationCursor = (kind: string) => ({
  of: (row: { createdAt: Date; id: string }): string =>
    encodeCursor(kind, [row.createdAt.toISOString(), row.id]),
  read: (window: Parameters<typeof cursorOf>[1]): { createdAt: string; id: string } | null => {
    const keys = cursorOf(kind, window, creationKeys);
    return keys === null ? null : { createdAt: keys[0], id: keys[1] };
  },
});

// Exactly as written above, and a year that Postgres has.
const creationKeys = z.tuple([z.iso.datetime({ precision: 3 }).regex(/^(?!0000)/), z.uuid()]);

/**
 * Refuses what in a filter would match nothing and is hardly what was meant: an empty list, and a text with the
 * character NUL, which Postgres cannot even be asked about.
 */
export function refuseHopeless(
  argument: string,
  filter: Readonly<Record<string, unknown>> | null | undefined,
): void {
  for (const [field, value] of Object.entries(filter ?? {})) {
    if (!Array.isArray(value)) continue;
    if (value.some((text) => String(text).includes('\0'))) {
      throw new ArgumentError(argument, `"${argument}.${field}" must not contain the character NUL.`);
    }
    if (value.length === 0) {
      throw new ArgumentError(
        argument,
        `"${argument}.${field}" is an empty list; leave it out to match everything.`,
      );
    }
  }
}
