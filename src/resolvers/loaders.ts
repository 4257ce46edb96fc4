/**
 * Loads what an answer needs in as few statements as it has kinds of things: all parents' children of one field
 * in one statement, whatever the number of parents. Lives as long as one answer, so it never serves old rows.
 */
import DataLoader from 'dataloader';
import type { Database, Queryable } from '../db/client.ts';
import { findApiKeys } from '../db/queries/api-keys.ts';
import { type AuditPage, batchAuditPages, countBatchAudit } from '../db/queries/audit.ts';
import { findBatches } from '../db/queries/batches.ts';
import { findCredentials } from '../db/queries/credentials.ts';
import { newestDeliveries } from '../db/queries/deliveries.ts';
import {
  countDeliveryAttempts,
  type DeliveryAttemptPage,
  deliveryAttemptPages,
} from '../db/queries/delivery-attempts.ts';
import { countEvents, eventPages } from '../db/queries/events.ts';
import { attemptPages, countAttempts, type ItemKey } from '../db/queries/item-attempts.ts';
import {
  countItems,
  findItemViews,
  findItemViewsByCustomId,
  type ItemFilter,
  itemPages,
  itemRequests,
  itemResponses,
  type ResultKey,
} from '../db/queries/item-pages.ts';
import { unfinishedJobs } from '../db/queries/job-runs.ts';
import { batchJobPages, countBatchJobs, findJobs } from '../db/queries/jobs.ts';
import { errorGroups } from '../db/queries/results.ts';
import { countStrays } from '../db/queries/strays.ts';
import { findUploads, newestUploads } from '../db/queries/uploads.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { type Asked, withOwn } from './connection.ts';

/** Where a nested page starts and which way it goes; equal for all parents of one field. */
export interface NestedPage {
  readonly limit: number;
  readonly order: 'ascending' | 'descending';
  readonly beyond: number | null;
}

/** The loaders of one answer. */
export type Loaders = ReturnType<typeof createLoaders>;

/** Fresh loaders for one answer. */
export function createLoaders(db: Database, scope: OrganizationScope) {
  const read = <T>(work: (q: Queryable) => Promise<T>): Promise<T> => db.read(work);
  return {
    batch: byKey(
      (ids: readonly string[]) => read((q) => findBatches(scope, q, ids)),
      (row) => row.id,
      same,
    ),
    job: byKey(
      (ids: readonly string[]) => read((q) => findJobs(scope, q, ids)),
      (row) => row.id,
      same,
    ),
    credential: byKey(
      (ids: readonly string[]) => read((q) => findCredentials(scope, q, ids)),
      (row) => row.id,
      same,
    ),
    upload: byKey(
      (ids: readonly string[]) => read((q) => findUploads(scope, q, ids)),
      (row) => row.id,
      same,
    ),
    newestUpload: byKey(
      (batchIds: readonly string[]) => read((q) => newestUploads(scope, q, batchIds)),
      (row) => row.batchId ?? '',
      same,
    ),
    apiKey: byKey(
      (ids: readonly string[]) => read((q) => findApiKeys(scope, q, ids)),
      (row) => row.id,
      same,
    ),
    item: byKey(
      (keys: readonly ItemKey[]) => read((q) => findItemViews(scope, q, keys)),
      textOfItem,
      textOfItem,
    ),
    itemByCustomId: byKey(
      (keys: readonly { batchId: string; customId: string }[]) =>
        read((q) => findItemViewsByCustomId(scope, q, keys)),
      textOfCustomId,
      textOfCustomId,
    ),
    request: byKey(
      (keys: readonly ItemKey[]) => read((q) => itemRequests(scope, q, keys)),
      textOfItem,
      textOfItem,
    ),
    response: byKey(
      (keys: readonly ResultKey[]) => read((q) => itemResponses(scope, q, keys)),
      textOfResult,
      textOfResult,
    ),
    delivery: byKey(
      (batchIds: readonly string[]) => read((q) => newestDeliveries(scope, q, batchIds)),
      (row) => row.batchId,
      same,
    ),
    errorGroups: manyByKey(
      (ids: readonly string[]) => read((q) => errorGroups(scope, q, ids)),
      (group) => group.batchId,
      same,
    ),
    unfinishedJobs: manyByKey(
      (ids: readonly string[]) => read((q) => unfinishedJobs(scope, q, ids)),
      (kind) => kind.batchId,
      same,
    ),
    strayCount: fromMap((ids: readonly string[]) => read((q) => countStrays(scope, q, ids))),
    jobCount: fromMap((ids: readonly string[]) => read((q) => countBatchJobs(scope, q, ids))),
    eventCount: fromMap((ids: readonly string[]) => read((q) => countEvents(scope, q, ids))),
    deliveryAttemptCount: fromMap((ids: readonly string[]) =>
      read((q) => countDeliveryAttempts(scope, q, ids)),
    ),
    itemCount: perArguments((filter: ItemFilter) =>
      fromMap((ids: readonly string[]) => read((q) => countItems(scope, q, ids, filter))),
    ),
    items: perArguments(({ filter, page }: { filter: ItemFilter; page: NestedPage }) =>
      manyByKey(
        (ids: readonly string[]) => read((q) => itemPages(scope, q, ids, filter, page)),
        (item) => item.batchId,
        same,
      ),
    ),
    attempts: perArguments((page: NestedPage) =>
      manyByKey(
        (keys: readonly ItemKey[]) => read((q) => attemptPages(scope, q, keys, page)),
        textOfItem,
        textOfItem,
      ),
    ),
    attemptCount: byKey(
      (keys: readonly ItemKey[]) => read((q) => countAttempts(scope, q, keys)),
      textOfItem,
      textOfItem,
    ),
    jobs: perArguments(
      ({ page, columns }: { page: NestedPage; columns: Asked<JobRow> }) =>
        manyByKey(
          (ids: readonly string[]) =>
            read((q) => batchJobPages(scope, q, ids, page, withOwn(columns, 'batchId', 'number'))),
          (job) => job.batchId,
          same,
        ),
      ({ page, columns }) => `${JSON.stringify(page)} ${textOfColumns(columns)}`,
    ),
    events: perArguments((page: NestedPage) =>
      manyByKey(
        (ids: readonly string[]) => read((q) => eventPages(scope, q, ids, page)),
        (event) => event.batchId,
        same,
      ),
    ),
    audit: perArguments((page: AuditPage) =>
      manyByKey(
        (ids: readonly string[]) => read((q) => batchAuditPages(scope, q, ids, page)),
        (entry) => entry.batchId,
        same,
      ),
    ),
    auditCount: fromMap((ids: readonly string[]) => read((q) => countBatchAudit(scope, q, ids))),
    deliveryAttempts: perArguments((page: DeliveryAttemptPage) =>
      manyByKey(
        (ids: readonly string[]) => read((q) => deliveryAttemptPages(scope, q, ids, page)),
        (attempt) => attempt.batchId,
        same,
      ),
    ),
  };
}

const same = (key: string): string => key;
const textOfItem = (key: ItemKey): string => `${key.batchId}:${key.position}`;
const textOfResult = (key: ResultKey): string => `${textOfItem(key)}:${key.attempt}`;
const textOfCustomId = (key: { batchId: string; customId: string }): string =>
  `${key.batchId}:${key.customId}`;

/** All parents of a field hand over the same columns, which are not to be written once for each of them. */
const columnTexts = new WeakMap<object, string>();

function textOfColumns(columns: Asked<JobRow>): string {
  if (columns === null) return 'all';
  const text = columnTexts.get(columns) ?? columns.join(' ');
  columnTexts.set(columns, text);
  return text;
}

/** One row per key, null where there is none. */
function byKey<Key, Row>(
  load: (keys: readonly Key[]) => Promise<readonly Row[]>,
  textOfRow: (row: Row) => string,
  textOfKey: (key: Key) => string,
): DataLoader<Key, Row | null, string> {
  return new DataLoader<Key, Row | null, string>(
    async (keys) => {
      const rows = new Map((await load(keys)).map((row) => [textOfRow(row), row]));
      return keys.map((key) => rows.get(textOfKey(key)) ?? null);
    },
    { cacheKeyFn: textOfKey },
  );
}

/** Many rows per key, in the order of the statement. */
function manyByKey<Key, Row>(
  load: (keys: readonly Key[]) => Promise<readonly Row[]>,
  textOfRow: (row: Row) => string,
  textOfKey: (key: Key) => string,
): DataLoader<Key, readonly Row[], string> {
  return new DataLoader<Key, readonly Row[], string>(
    async (keys) => {
      const grouped = Map.groupBy(await load(keys), textOfRow);
      return keys.map((key) => grouped.get(textOfKey(key)) ?? []);
    },
    { cacheKeyFn: textOfKey },
  );
}

/** One number per key, zero where the statement has none. */
function fromMap(
  load: (keys: readonly string[]) => Promise<ReadonlyMap<string, number>>,
): DataLoader<string, number> {
  return new DataLoader<string, number>(async (keys) => {
    const counts = await load(keys);
    return keys.map((key) => counts.get(key) ?? 0);
  });
}

/** A loader for each set of arguments: parents that ask the same share one statement. */
function perArguments<Arguments, Loader>(
  create: (args: Arguments) => Loader,
  textOf: (args: Arguments) => string = JSON.stringify,
): (args: Arguments) => Loader {
  const made = new Map<string, Loader>();
  return (args) => {
    const key = textOf(args);
    const loader = made.get(key) ?? create(args);
    made.set(key, loader);
    return loader;
  };
}
