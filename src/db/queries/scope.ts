/** The one place where a `Scope` becomes a condition, on rows that are read, changed, removed or added. */
import { type Column, eq, type SQL, sql, type Table } from 'drizzle-orm';
import type { GrantedScope, Scope } from '../../domain/scope.ts';
import { batches } from '../tables/batches.ts';
import { deliveries } from '../tables/deliveries.ts';
import { events } from '../tables/events.ts';
import { jobs } from '../tables/jobs.ts';
import { uuidList } from './uuid-list.ts';

/**
 * What a token or a link shows beside batches themselves: the rows of these tables that belong to its batches. Whatever
 * else an organization has, and what is new, is not there for it.
 */
const batchIdOf = new Map<Table, Column>([
  [batches, batches.id],
  [jobs, jobs.batchId],
  [events, events.batchId],
  [deliveries, deliveries.batchId],
]);

/** The rows of `column`'s table that `scope` may see. */
export function inScope(scope: Scope, column: Column): SQL {
  if (scope.kind === 'worker') return sql`true`;
  const ofOrganization = eq(column, scope.organizationId);
  if (scope.grant === null) return ofOrganization;
  const batchId = batchIdOf.get(column.table);
  return batchId === undefined ? sql`false` : sql`${ofOrganization} and ${isGranted(scope.grant, batchId)}`;
}

const isGranted = ({ batchIds }: GrantedScope, batchId: Column): SQL =>
  batchIds === null ? sql`true` : sql`${batchId} = any(${uuidList(batchIds)})`;

/** The same for a table that knows its organization only through its batch. */
export const batchInScope = (scope: Scope, batchId: Column | SQL): SQL =>
  scope.kind === 'worker'
    ? sql`true`
    : sql`exists (select 1 from ${batches} where ${batches.id} = ${batchId} and ${inScope(scope, batches.organizationId)})`;

/**
 * A row to be added, of an organization that the scope may write for; another's would be a fault of ours, and throws, and
 * so would be one by a token, which only reads.
 */
export function owned<Row extends { readonly organizationId: string }>(scope: Scope, row: Row): Row {
  if (scope.kind === 'worker') return row;
  if (scope.grant !== null) throw new Error('a token adds no row');
  if (row.organizationId === scope.organizationId) return row;
  throw new Error('a row of another organization cannot be added');
}
