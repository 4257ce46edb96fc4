/** The organization's lists: its batches and its jobs, by creation time, in constant time at any depth. */
import type { Context } from '../context.ts';
import { batchPage, countBatches } from '../db/queries/batch-pages.ts';
import { countJobs, type JobFilter, jobPage } from '../db/queries/jobs.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { type BatchFilter, batchFilterTexts } from '../domain/batch-filter.ts';
import { type PageArguments, pageWindow } from '../domain/page.ts';
import { ArgumentError } from '../errors.ts';
import { pageSizes } from './arguments.ts';
import { creationCursor, refuseHopeless } from './batch.ts';
import {
  type Asked,
  type Connection,
  connectionOf,
  readingLimit,
  readingOrder,
  withOwn,
} from './connection.ts';

/** Which way a list by creation time goes. */
export interface CreationOrder {
  readonly direction: 'ASC' | 'DESC';
}

const orderOf = (order: CreationOrder | null | undefined) =>
  order?.direction === 'ASC' ? 'ascending' : 'descending';

/** The organization's batches, newest first unless asked otherwise. */
export async function listBatches(
  args: PageArguments & {
    filter?: GivenBatchFilter | null | undefined;
    orderBy?: CreationOrder | null | undefined;
  },
  { services: { db }, scope }: Context,
  columns: Asked<BatchRow> = null,
): Promise<Connection<BatchRow>> {
  const filter = readBatchFilter(args.filter);
  const window = pageWindow(args, pageSizes.batches);
  const cursor = creationCursor('batch');
  const page = {
    limit: readingLimit(window),
    order: readingOrder(window, orderOf(args.orderBy)),
    beyond: cursor.read(window),
  };
  const rows = await db.read((q) => batchPage(scope, q, filter, page, withOwn(columns, 'id', 'createdAt')));
  return connectionOf(window, rows, cursor.of, () => db.read((q) => countBatches(scope, q, filter)));
}

/** The jobs of all the organization's batches, newest first unless asked otherwise. */
export async function listJobs(
  args: PageArguments & { filter?: JobFilter | null | undefined; orderBy?: CreationOrder | null | undefined },
  { services: { db }, scope }: Context,
  columns: Asked<JobRow> = null,
): Promise<Connection<JobRow>> {
  refuseHopeless('filter', { ...args.filter });
  const window = pageWindow(args, pageSizes.batches);
  const cursor = creationCursor('jobOfAll');
  const filter = args.filter ?? {};
  const page = {
    limit: readingLimit(window),
    order: readingOrder(window, orderOf(args.orderBy)),
    beyond: cursor.read(window),
  };
  const rows = await db.read((q) => jobPage(scope, q, filter, page, withOwn(columns, 'id', 'createdAt')));
  return connectionOf(window, rows, cursor.of, () => db.read((q) => countJobs(scope, q, filter)));
}

/** A filter of batches as a caller gives it: of JSON nobody has seen yet what it is. */
export type GivenBatchFilter = Omit<BatchFilter, 'metadata'> & { readonly metadata?: unknown };

/** The filter; throws `ArgumentError` for one that would match nothing, or is none. */
export function readBatchFilter(given: GivenBatchFilter | null | undefined): BatchFilter {
  refuseHopeless('filter', { ...given });
  const read = batchFilterTexts.safeParse({ ...given });
  if (!read.success) throw new ArgumentError('filter', `"filter": ${read.error.issues[0]?.message}`);
  const { metadata: _, ...rest } = given ?? {};
  return { ...rest, ...read.data };
}
