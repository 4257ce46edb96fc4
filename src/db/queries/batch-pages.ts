/**
 * Pages of batches by creation time, see `creation-page.ts`. A name or metadata has an index of its own; there Postgres
 * weighs whether few fit, which are then sorted, or many, which then are soon met along the time.
 */
import { and, type SQL, sql } from 'drizzle-orm';
import type { BatchFilter } from '../../domain/batch-filter.ts';
import type { Scope } from '../../domain/scope.ts';
import { batchStatuses } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { type Columns, readRows } from '../rows.ts';
import { type BatchRow, batches } from '../tables/batches.ts';
import {
  beyondCursor,
  byCreation,
  type CreationPage,
  ofStretches,
  pageInStretches,
} from './creation-page.ts';
import { inScope } from './scope.ts';

/** One page of the scope's batches by creation time, ties broken by id. */
export async function batchPage(
  scope: Scope,
  db: Queryable,
  filter: BatchFilter,
  page: CreationPage,
  columns: Columns<typeof batches> = null,
): Promise<BatchRow[]> {
  const { status, provider, namePrefix, metadata } = filter;
  const wanted = and(inScope(scope, batches.organizationId), matches(filter), beyondCursor(batches, page));
  // Texts are the better way in.
  const stretches = namePrefix || metadata ? {} : { status, provider };
  const shown = pageInStretches(batches, { ...stretches, all: batchStatuses }, wanted, page);
  return readRows(
    db,
    batches,
    columns,
    (selected) =>
      sql`select ${selected} from ${batches} where ${shown ?? sql`true`} order by ${byCreation(batches, page)} limit ${page.limit}`,
  );
}

/** How many batches of the scope match. */
export async function countBatches(scope: Scope, db: Queryable, filter: BatchFilter): Promise<number> {
  return db.$count(batches, and(inScope(scope, batches.organizationId), matches(filter)));
}

/** The condition of a filter; true where it is empty. */
function matches(filter: BatchFilter): SQL | undefined {
  const { createdAfter, createdBefore, namePrefix, metadata } = filter;
  return and(
    ofStretches(batches, filter),
    createdAfter ? sql`${batches.createdAt} > ${createdAfter.toISOString()}::timestamptz` : undefined,
    createdBefore ? sql`${batches.createdAt} < ${createdBefore.toISOString()}::timestamptz` : undefined,
    namePrefix ? sql`${batches.name} like ${`${namePrefix.replaceAll(/[\\%_]/g, '\\$&')}%`}` : undefined,
    metadata ? sql`${batches.metadata} @> ${JSON.stringify(metadata)}::jsonb` : undefined,
  );
}
