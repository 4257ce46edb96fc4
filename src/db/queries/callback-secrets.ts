/** Statements on what callbacks are signed with: of each organization the newest secret, and the one before it. */
import { and, desc, eq, gt, isNull, ne, or, sql } from 'drizzle-orm';
import type { Scope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { type CallbackSecretRow, callbackSecrets } from '../tables/deliveries.ts';
import { organizations } from '../tables/organizations.ts';
import { inScope, owned } from './scope.ts';

/** Waits until no other transaction makes a secret for the organization; until the end of this one, no other will. */
export async function lockSecrets(scope: Scope, tx: Queryable, organizationId: string): Promise<void> {
  await tx
    .select({ id: organizations.id })
    .from(organizations)
    .where(and(eq(organizations.id, organizationId), inScope(scope, organizations.id)))
    .for('no key update');
}

/** The secrets that sign at `now`, the newest first. */
export async function secretsInUse(
  scope: Scope,
  db: Queryable,
  organizationId: string,
  now: Date,
): Promise<CallbackSecretRow[]> {
  return db
    .select()
    .from(callbackSecrets)
    .where(
      and(
        eq(callbackSecrets.organizationId, organizationId),
        or(isNull(callbackSecrets.expiresAt), gt(callbackSecrets.expiresAt, now)),
        inScope(scope, callbackSecrets.organizationId),
      ),
    )
    .orderBy(sql`${callbackSecrets.expiresAt} is not null`, desc(callbackSecrets.expiresAt));
}

/** Adds the newest secret. */
export async function insertSecret(
  scope: Scope,
  tx: Queryable,
  row: typeof callbackSecrets.$inferInsert,
): Promise<void> {
  await tx.insert(callbackSecrets).values(owned(scope, row));
}

/** Lets a secret sign until `expiresAt` and no longer. */
export async function expireSecret(scope: Scope, tx: Queryable, id: string, expiresAt: Date): Promise<void> {
  await tx
    .update(callbackSecrets)
    .set({ expiresAt })
    .where(and(eq(callbackSecrets.id, id), inScope(scope, callbackSecrets.organizationId)));
}

/** Removes every secret of the organization but the one with this id. */
export async function deleteOtherSecrets(
  scope: Scope,
  tx: Queryable,
  organizationId: string,
  keptId: string,
): Promise<void> {
  await tx
    .delete(callbackSecrets)
    .where(
      and(
        eq(callbackSecrets.organizationId, organizationId),
        ne(callbackSecrets.id, keptId),
        inScope(scope, callbackSecrets.organizationId),
      ),
    );
}
