/**
 * Pages of batches by creation time. One reads about as many rows as it shows, however many batches there are and however
 * deep it lies: for states and providers because each combination of them is a stretch of an index that is in the right
 * order already, so that the page is among the first rows of each. A name or metadata has an index of its own; there
 * Postgres weighs whether few fit, which are then sorted, or many, which then are soon met along the time.
 */
import { and, inArray, type SQL, sql } from 'drizzle-orm';
import type { BatchFilter } from '../../domain/batch-filter.ts';
import type { Scope } from '../../domain/scope.ts';
import { batchStatuses } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { type BatchRow, batches } from '../tables/batches.ts';
import { beyondCursor, byCreation, type CreationPage } from './creation-page.ts';
import { inScope } from './scope.ts';

/** One page of the scope's batches by creation time, ties broken by id. */
export async function batchPage(
  scope: Scope,
  db: Queryable,
  filter: BatchFilter,
  page: CreationPage,
): Promise<BatchRow[]> {
  const { limit } = page;
  const inOrder = byCreation(batches, page);
  const wanted = and(inScope(scope, batches.organizationId), matches(filter), beyondCursor(batches, page));
  const apart = combinations(filter);
  return db
    .select()
    .from(batches)
    .where(
      apart === null
        ? wanted
        : sql`${batches.id} in (select x.id from ${apart.rows} cross join lateral (
            select id, created_at from ${batches} where ${and(wanted, apart.condition)}
            order by ${inOrder} limit ${limit}) x
          order by ${byCreation({ createdAt: sql`x.created_at`, id: sql`x.id` }, page)} limit ${limit})`,
    )
    .orderBy(inOrder)
    .limit(limit);
}

/**
 * The combinations of states and providers whose batches stand together in an index, as rows and as the condition that a
 * batch is of one; null where the filter names neither, or texts, which are the better way in.
 */
function combinations({
  status,
  provider,
  namePrefix,
  metadata,
}: BatchFilter): { rows: SQL; condition: SQL } | null {
  if (namePrefix || metadata || (!status && !provider)) return null;
  const states = sql`unnest(${sql.param([...new Set(status ?? batchStatuses)])}::text[]) as s(status)`;
  const ofState = sql`${batches.status} = s.status`;
  if (!provider) return { rows: states, condition: ofState };
  return {
    rows: sql`unnest(${sql.param([...new Set(provider)])}::text[]) as p(provider) cross join ${states}`,
    condition: sql`${batches.provider} = p.provider and ${ofState}`,
  };
}

/** How many batches of the scope match. */
export async function countBatches(scope: Scope, db: Queryable, filter: BatchFilter): Promise<number> {
  return db.$count(batches, and(inScope(scope, batches.organizationId), matches(filter)));
}

/** The condition of a filter; true where it is empty. */
function matches(filter: BatchFilter): SQL | undefined {
  const { status, provider, createdAfter, createdBefore, namePrefix, metadata } = filter;
  return and(
    status ? inArray(batches.status, [...status]) : undefined,
    provider ? inArray(batches.provider, [...provider]) : undefined,
    createdAfter ? sql`${batches.createdAt} > ${createdAfter.toISOString()}::timestamptz` : undefined,
    createdBefore ? sql`${batches.createdAt} < ${createdBefore.toISOString()}::timestamptz` : undefined,
    namePrefix ? sql`${batches.name} like ${`${namePrefix.replaceAll(/[\\%_]/g, '\\$&')}%`}` : undefined,
    metadata ? sql`${batches.metadata} @> ${JSON.stringify(metadata)}::jsonb` : undefined,
  );
}
