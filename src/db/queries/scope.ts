/** The one place where a `Scope` becomes a condition, on rows that are read, changed, removed or added. */
import { type Column, eq, type SQL, sql } from 'drizzle-orm';
import type { Scope } from '../../domain/scope.ts';
import { batches } from '../tables/batches.ts';

/** The rows of `column`'s table that `scope` may see. */
export const inScope = (scope: Scope, column: Column): SQL =>
  scope.kind === 'worker' ? sql`true` : eq(column, scope.organizationId);

/** The same for a table that knows its organization only through its batch. */
export const batchInScope = (scope: Scope, batchId: Column | SQL): SQL =>
  scope.kind === 'worker'
    ? sql`true`
    : sql`exists (select 1 from ${batches} where ${batches.id} = ${batchId} and ${batches.organizationId} = ${scope.organizationId})`;

/** A row to be added, of an organization that the scope may write for; another's would be a fault of ours, and throws. */
export function owned<Row extends { readonly organizationId: string }>(scope: Scope, row: Row): Row {
  if (scope.kind === 'worker' || row.organizationId === scope.organizationId) return row;
  throw new Error('a row of another organization cannot be added');
}
