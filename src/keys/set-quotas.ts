/**
 * What an organization may have, as it is set: by its operator for it, and by its own admins for themselves, who can
 * only take away. What holds of both is `domain/quota.ts`'.
 */
import { findLayers, type LayersPatch, listPlans, lockHoldings, updateLayers } from '../db/queries/quotas.ts';
import { changedLayer, type QuotaLayer } from '../domain/quota.ts';
import type { OrganizationScope, WorkerScope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';

/** `setQuotas`: what the organization holds itself to from now on. What the change leaves out stays. */
export async function setOwnQuotas(
  { db }: Pick<Services, 'db'>,
  scope: OrganizationScope,
  change: QuotaLayer,
): Promise<void> {
  await db.transaction(async (tx) => {
    const { organizationId } = scope;
    await lockHoldings(scope, tx, organizationId);
    const layers = await findLayers(scope, tx, organizationId);
    if (layers === null) throw new NotFoundError('organization', organizationId);
    await updateLayers(scope, tx, organizationId, { ownQuotas: changedLayer(layers.own, change) });
  });
}

/** What an operator changes for an organization. */
export interface Grant {
  /** Null: none; undefined: as it is. */
  readonly plan: string | null | undefined;
  readonly quotas: QuotaLayer;
  /** Where the plan has its say again. */
  readonly byPlan: ReadonlyArray<keyof QuotaLayer>;
}

/** Sets the organization's plan, and what it is granted whatever its plan says. Throws `NotFoundError` for either. */
export async function grantQuotas(
  { db }: Pick<Services, 'db'>,
  worker: WorkerScope,
  organizationId: string,
  { plan, quotas, byPlan }: Grant,
): Promise<void> {
  await db.transaction(async (tx) => {
    await lockHoldings(worker, tx, organizationId);
    const layers = await findLayers(worker, tx, organizationId);
    if (layers === null) throw new NotFoundError('organization', organizationId);
    if (typeof plan === 'string' && (await listPlans(worker, tx, plan)).length === 0) {
      throw new NotFoundError('plan', plan);
    }
    const granted = Object.entries(changedLayer(layers.granted, quotas));
    const left = granted.filter(([name]) => !byPlan.some((given) => given === name));
    const patch: LayersPatch = { grantedQuotas: Object.fromEntries(left) };
    await updateLayers(worker, tx, organizationId, plan === undefined ? patch : { ...patch, plan });
  });
}
