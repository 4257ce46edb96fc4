/** Statements on what organizations may have, and on what they have under way. */
import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import type { Holdings, QuotaLayer } from '../../domain/quota.ts';
import type { Scope, WorkerScope } from '../../domain/scope.ts';
import { batchStatuses, isTerminalBatch } from '../../domain/status.ts';
import type { Queryable } from '../client.ts';
import { batches } from '../tables/batches.ts';
import { organizations, type PlanRow, plans } from '../tables/organizations.ts';
import { inScope } from './scope.ts';

/** What is set for an organization. */
export interface OrganizationLayers {
  /** The plan's name; null where it is on none. */
  readonly planName: string | null;
  readonly plan: QuotaLayer;
  readonly granted: QuotaLayer;
  readonly own: QuotaLayer;
}

/** What is set for the organization; null where the scope has none with this id. */
export async function findLayers(
  scope: Scope,
  db: Queryable,
  organizationId: string,
): Promise<OrganizationLayers | null> {
  const [row] = await db
    .select({
      planName: organizations.plan,
      plan: plans.quotas,
      granted: organizations.grantedQuotas,
      own: organizations.ownQuotas,
    })
    .from(organizations)
    .leftJoin(plans, eq(plans.name, organizations.plan))
    .where(and(eq(organizations.id, organizationId), inScope(scope, organizations.id)));
  return row === undefined ? null : { ...row, plan: row.plan ?? {} };
}

/**
 * Lets nobody else count what the organization has until the transaction ends, so that of those who would all reach its
 * limit one alone does. The last lock of a change.
 */
export async function lockHoldings(scope: Scope, tx: Queryable, organizationId: string): Promise<void> {
  await tx
    .select({ id: organizations.id })
    .from(organizations)
    .where(and(eq(organizations.id, organizationId), inScope(scope, organizations.id)))
    .for('no key update');
}

const activeStatuses = batchStatuses.filter((status) => !isTerminalBatch(status));

/** What the organization has under way, by provider. */
export async function readHoldings(scope: Scope, db: Queryable, organizationId: string): Promise<Holdings> {
  const rows = await db
    .select({
      provider: batches.provider,
      batches: sql<number>`count(*)::int`,
      waiting: sql<string>`sum(${batches.pending})`,
    })
    .from(batches)
    .where(
      and(
        eq(batches.organizationId, organizationId),
        inScope(scope, batches.organizationId),
        inArray(batches.status, activeStatuses),
      ),
    )
    .groupBy(batches.provider);
  return new Map(
    rows.map(({ provider, waiting, ...row }) => [provider, { ...row, waiting: Number(waiting) }]),
  );
}

/** What can be set for an organization. */
export interface LayersPatch {
  readonly plan?: string | null;
  readonly grantedQuotas?: QuotaLayer;
  readonly ownQuotas?: QuotaLayer;
}

/** Sets it. */
export async function updateLayers(
  scope: Scope,
  tx: Queryable,
  organizationId: string,
  patch: LayersPatch,
): Promise<void> {
  await tx
    .update(organizations)
    .set(patch)
    .where(and(eq(organizations.id, organizationId), inScope(scope, organizations.id)));
}

/** Every plan by name, or the one that is called so. */
export async function listPlans(_worker: WorkerScope, db: Queryable, name?: string): Promise<PlanRow[]> {
  return db
    .select()
    .from(plans)
    .where(name === undefined ? undefined : eq(plans.name, name))
    .orderBy(asc(plans.name));
}

/** Makes the plan, or replaces the one that is called so. */
export async function putPlan(_worker: WorkerScope, db: Queryable, plan: PlanRow): Promise<void> {
  await db.insert(plans).values(plan).onConflictDoUpdate({ target: plans.name, set: plan });
}
