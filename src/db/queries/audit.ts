/** Statements on the audit trail: written once per call, read by organization and by batch, forgotten after a while. */
import { and, inArray, lt, type SQL, sql } from 'drizzle-orm';
import type { Scope, WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { type AuditRow, audit } from '../tables/audit.ts';
import { inScope, owned } from './scope.ts';

/** Writes what a call came to; what was written of the same call before is replaced. */
export async function recordCall(scope: Scope, tx: Queryable, row: AuditRow): Promise<void> {
  const { outcome, batchId, jobId, subjectKeyId, credentialId } = row;
  await tx
    .insert(audit)
    .values(owned(scope, row))
    .onConflictDoUpdate({ target: audit.id, set: { outcome, batchId, jobId, subjectKeyId, credentialId } });
}

/** The same, unless something was written of the call before. */
export async function recordUnlessKnown(scope: Scope, db: Queryable, row: AuditRow): Promise<void> {
  await db.insert(audit).values(owned(scope, row)).onConflictDoNothing({ target: audit.id });
}

/** Where a page of the trail starts and which way it goes. */
export interface AuditPage {
  readonly limit: number;
  readonly order: 'ascending' | 'descending';
  /** The last row of the page before, left out. */
  readonly beyond: { readonly createdAt: string; readonly id: string } | null;
}

const lies = ({ order, beyond }: AuditPage): SQL =>
  beyond === null
    ? sql`true`
    : sql`(at, id) ${order === 'ascending' ? sql`>` : sql`<`} (${beyond.createdAt}::timestamptz, ${beyond.id}::uuid)`;

const sorted = ({ order }: AuditPage): SQL => (order === 'ascending' ? sql`at, id` : sql`at desc, id desc`);

/** One page of everything that was done in the scope, by time. */
export async function auditPage(scope: Scope, db: Queryable, page: AuditPage): Promise<AuditRow[]> {
  return db
    .select()
    .from(audit)
    .where(and(inScope(scope, audit.organizationId), lies(page)))
    .orderBy(sorted(page))
    .limit(page.limit);
}

/** How much of the scope's trail is kept. */
export const countAudit = (scope: Scope, db: Queryable): Promise<number> =>
  db.$count(audit, inScope(scope, audit.organizationId));

/** One page of what was done to each batch, by time. */
export async function batchAuditPages(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
  page: AuditPage,
): Promise<(AuditRow & { readonly batchId: string })[]> {
  return db
    .select({
      id: sql<string>`x.id`,
      organizationId: sql<string>`x.organization_id`,
      at: sql<Date>`x.at`.mapWith(audit.at),
      apiKeyId: sql<string | null>`x.api_key_id`,
      verb: sql<string>`x.verb`,
      outcome: sql<string>`x.outcome`,
      batchId: sql<string>`x.batch_id`,
      jobId: sql<string | null>`x.job_id`,
      subjectKeyId: sql<string | null>`x.subject_key_id`,
      credentialId: sql<string | null>`x.credential_id`,
    })
    .from(
      sql`unnest(${sql.param(batchIds)}::uuid[]) as b(id) cross join lateral (
        select ${audit}.* from ${audit}
        where ${audit.batchId} = b.id and ${inScope(scope, audit.organizationId)} and ${lies(page)}
        order by ${sorted(page)} limit ${page.limit}) x`,
    );
}

/** How much is kept of what was done to each batch; a batch without any is left out. */
export async function countBatchAudit(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
): Promise<Map<string, number>> {
  const rows = await db
    .select({ batchId: sql<string>`${audit.batchId}`, count: sql<number>`count(*)::int` })
    .from(audit)
    .where(and(inArray(audit.batchId, [...batchIds]), inScope(scope, audit.organizationId)))
    .groupBy(audit.batchId);
  return new Map(rows.map(({ batchId, count }) => [batchId, count]));
}

/** Removes at most so many entries older than `before`; answers how many. */
export async function deleteAuditBefore(
  _worker: WorkerScope,
  db: Queryable,
  before: Date,
  limit: number,
): Promise<number> {
  const old = db.select({ id: audit.id }).from(audit).where(lt(audit.at, before)).limit(limit);
  const deleted = await db.delete(audit).where(inArray(audit.id, old)).returning({ id: audit.id });
  return deleted.length;
}
