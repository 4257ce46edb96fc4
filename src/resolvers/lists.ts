/** The organization's lists: its batches and its jobs, by creation time, in constant time at any depth. */
import type { Context } from '../context.ts';
import { type BatchFilter, batchPage, countBatches } from '../db/queries/batches.ts';
import { countJobs, type JobFilter, jobPage } from '../db/queries/jobs.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { type PageArguments, pageWindow } from '../domain/page.ts';
import { pageSizes } from './arguments.ts';
import { creationCursor, refuseHopeless } from './batch.ts';
import { type Connection, connectionOf, readingLimit, readingOrder } from './connection.ts';

/** Which way a list by creation time goes. */
export interface CreationOrder {
  readonly direction: 'ASC' | 'DESC';
}

const orderOf = (order: CreationOrder | null | undefined) =>
  order?.direction === 'ASC' ? 'ascending' : 'descending';

/** The organization's batches, newest first unless asked otherwise. */
export async function listBatches(
  args: PageArguments & {
    filter?: BatchFilter | null | undefined;
    orderBy?: CreationOrder | null | undefined;
  },
  { services: { db }, scope }: Context,
): Promise<Connection<BatchRow>> {
  refuseHopeless('filter', { ...args.filter });
  const window = pageWindow(args, pageSizes.batches);
  const cursor = creationCursor('batch');
  const filter = args.filter ?? {};
  const rows = await db.read((q) =>
    batchPage(scope, q, filter, {
      limit: readingLimit(window),
      order: readingOrder(window, orderOf(args.orderBy)),
      beyond: cursor.read(window),
    }),
  );
  return connectionOf(window, rows, cursor.of, () => db.read((q) => countBatches(scope, q, filter)));
}

/** The jobs of all the organization's batches, newest first unless asked otherwise. */
export async function listJobs(
  args: PageArguments & { filter?: JobFilter | null | undefined; orderBy?: CreationOrder | null | undefined },
  { services: { db }, scope }: Context,
): Promise<Connection<JobRow>> {
  refuseHopeless('filter', { ...args.filter });
  const window = pageWindow(args, pageSizes.batches);
  const cursor = creationCursor('jobOfAll');
  const filter = args.filter ?? {};
  const rows = await db.read((q) =>
    jobPage(scope, q, filter, {
      limit: readingLimit(window),
      order: readingOrder(window, orderOf(args.orderBy)),
      beyond: cursor.read(window),
    }),
  );
  return connectionOf(window, rows, cursor.of, () => db.read((q) => countJobs(scope, q, filter)));
}
