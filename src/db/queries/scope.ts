/** The one place where a `Scope` becomes a condition. */
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
