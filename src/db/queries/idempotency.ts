/** Statements on calls that were made under a caller's own key. When one counts as forgotten is `domain/idempotency.ts`. */
import { and, eq, gt, lte } from 'drizzle-orm';
import type { JsonObject } from '../../domain/json-line.ts';
import type { OrganizationScope, WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { type IdempotencyRow, idempotency } from '../tables/idempotency.ts';

/**
 * Writes down that a call is being made, in the transaction of what it does; false where one under the same key is
 * remembered. Waits for a transaction that is making one now, and takes the place of one that is forgotten.
 */
export async function claimCall(
  { organizationId }: OrganizationScope,
  tx: Queryable,
  call: Omit<IdempotencyRow, 'organizationId' | 'answer'>,
  forgottenBefore: Date,
): Promise<boolean> {
  const row = { ...call, organizationId, answer: {} };
  const claimed = await tx
    .insert(idempotency)
    .values(row)
    .onConflictDoUpdate({
      target: [idempotency.organizationId, idempotency.key],
      set: row,
      setWhere: lte(idempotency.at, forgottenBefore),
    })
    .returning({ key: idempotency.key });
  return claimed.length === 1;
}

/** The call that was made under the key; null where none is remembered. */
export async function findCall(
  scope: OrganizationScope,
  db: Queryable,
  key: string,
  forgottenBefore: Date,
): Promise<IdempotencyRow | null> {
  const [row] = await db
    .select()
    .from(idempotency)
    .where(and(underKey(scope, key), gt(idempotency.at, forgottenBefore)));
  return row ?? null;
}

/** Writes down what a call answered beside its batch. */
export async function keepAnswer(
  scope: OrganizationScope,
  tx: Queryable,
  key: string,
  answer: JsonObject,
): Promise<void> {
  await tx.update(idempotency).set({ answer }).where(underKey(scope, key));
}

/** Forgets the calls that were made before a moment. */
export async function forgetCalls(_worker: WorkerScope, db: Queryable, before: Date): Promise<void> {
  await db.delete(idempotency).where(lte(idempotency.at, before));
}

const underKey = ({ organizationId }: OrganizationScope, key: string) =>
  and(eq(idempotency.organizationId, organizationId), eq(idempotency.key, key));
