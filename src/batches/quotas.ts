/**
 * Holds an organization to its quotas: what one call brings is measured before anything is stored, what the organization
 * has under way is counted at the end of the transaction that adds to it, under a lock that lasts until its commit. Owns
 * when that is asked; what is within is `domain/quota.ts`.
 */
import type { Queryable } from '../db/client.ts';
import { findLayers, lockHoldings, readHoldings } from '../db/queries/quotas.ts';
import type { RequestsInput } from '../domain/batch-input.ts';
import {
  type Brought,
  beyondHoldings,
  beyondSize,
  countsHoldings,
  effectiveQuotas,
  type Holding,
  type QuotaBreach,
  type Quotas,
} from '../domain/quota.ts';
import type { OrganizationScope, Scope } from '../domain/scope.ts';
import { NotFoundError, QuotaExceededError } from '../errors.ts';
import type { Services } from '../services.ts';
import type { PlacedItem } from './accept.ts';

/** An organization's quotas, and the plan that they come from. */
export interface OrganizationQuotas {
  readonly plan: string | null;
  readonly quotas: Quotas;
}

/** What the organization may have now. Throws `NotFoundError` where the scope has no such organization. */
export async function quotasOf(
  { settings }: Pick<Services, 'settings'>,
  scope: Scope,
  q: Queryable,
  organizationId: string,
): Promise<OrganizationQuotas> {
  const layers = await findLayers(scope, q, organizationId);
  if (layers === null) throw new NotFoundError('organization', organizationId);
  return { plan: layers.planName, quotas: effectiveQuotas({ ...layers, defaults: settings.quotas }) };
}

/** Throws `QuotaExceededError` where what a call or an upload brings is too much, whatever else there is. */
export const refuseSize = (quotas: Quotas, brought: Brought): void => refuse(beyondSize(quotas, brought));

/** What a call adds to what its organization has, with the provider of its batch. */
export interface Addition extends Holding {
  readonly provider: string;
}

/**
 * Throws `QuotaExceededError` where what this transaction has added is too much beside what there is. Asked last: from
 * here on nobody else's addition to the organization commits before this one.
 */
export async function refuseHoldings(
  scope: OrganizationScope,
  tx: Queryable,
  quotas: Quotas,
  { provider, ...added }: Addition,
): Promise<void> {
  const { organizationId } = scope;
  if (!countsHoldings(quotas)) return;
  await lockHoldings(scope, tx, organizationId);
  const held = new Map(await readHoldings(scope, tx, organizationId));
  const mine = held.get(provider) ?? added;
  // What was added is among it already.
  held.set(provider, { batches: mine.batches - added.batches, waiting: mine.waiting - added.waiting });
  refuse(beyondHoldings(quotas, held, provider, added));
}

/** Every quota that such a call would go beyond now. */
export async function breachesOf(
  scope: OrganizationScope,
  q: Queryable,
  quotas: Quotas,
  brought: Brought,
  added: Holding,
): Promise<QuotaBreach[]> {
  const held = countsHoldings(quotas) ? await readHoldings(scope, q, scope.organizationId) : new Map();
  return [...beyondSize(quotas, brought), ...beyondHoldings(quotas, held, brought.provider, added)];
}

/** How many bytes a call brings: its text as it came, or the bodies that were given inline. */
export const bytesBrought = (
  requests: RequestsInput | null | undefined,
  accepted: readonly PlacedItem[],
): number =>
  requests?.kind === 'lines'
    ? Buffer.byteLength(requests.text)
    : accepted.reduce((sum, { item }) => sum + item.bytes, 0);

function refuse([first]: readonly QuotaBreach[]): void {
  if (first !== undefined) throw new QuotaExceededError(first);
}
