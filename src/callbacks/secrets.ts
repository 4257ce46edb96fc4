/**
 * What an organization's callbacks are signed with: one secret, made when it is first needed, and after a rotation
 * for a while the one before it, too. They have to sign, so they are kept as they are, and shown to admins alone.
 */
import type { Queryable } from '../db/client.ts';
import {
  deleteOtherSecrets,
  expireSecret,
  insertSecret,
  lockSecrets,
  secretsInUse,
} from '../db/queries/callback-secrets.ts';
import { type OrganizationScope, type Scope, workerScope } from '../domain/scope.ts';
import { newId, type Services } from '../services.ts';
import { newSecret } from './sign.ts';

/** The present secret, and until when the one before it signs beside it. */
export interface CallbackSecret {
  readonly secret: string;
  readonly createdAt: Date;
  readonly previousExpiresAt: Date | null;
}

type Parts = Pick<Services, 'db' | 'clock'>;

/** Every secret to sign with now, the present one first; makes the first of an organization. */
export async function signingSecrets(services: Parts, organizationId: string): Promise<readonly string[]> {
  const inUse = (q: Queryable) => secretsInUse(workerScope, q, organizationId, services.clock.now());
  const known = await services.db.read(inUse);
  const rows =
    known.length > 0
      ? known
      : await services.db.transaction(async (tx) => {
          await lockSecrets(workerScope, tx, organizationId);
          if ((await inUse(tx)).length === 0) await addSecret(services, workerScope, tx, organizationId);
          return inUse(tx);
        });
  return rows.map(({ secret }) => secret);
}

/** The organization's present secret; null before its first. */
export async function presentSecret(
  { db, clock }: Parts,
  scope: OrganizationScope,
): Promise<CallbackSecret | null> {
  const [present, previous] = await db.read((q) => secretsInUse(scope, q, scope.organizationId, clock.now()));
  if (present === undefined) return null;
  const { secret, createdAt } = present;
  return { secret, createdAt, previousExpiresAt: previous?.expiresAt ?? null };
}

/**
 * A new present secret. The one that it replaces goes on signing for so many seconds; any older one stops at once, so
 * that no call ever carries more than two signatures.
 */
export async function rotateSecret(
  services: Parts,
  scope: OrganizationScope,
  graceSeconds: number,
): Promise<CallbackSecret> {
  const { organizationId } = scope;
  return services.db.transaction(async (tx) => {
    await lockSecrets(scope, tx, organizationId);
    const now = services.clock.now();
    const [replaced] = await secretsInUse(scope, tx, organizationId, now);
    const previousExpiresAt =
      replaced === undefined || graceSeconds === 0 ? null : new Date(now.getTime() + graceSeconds * 1000);
    if (replaced !== undefined) {
      await deleteOtherSecrets(scope, tx, organizationId, replaced.id);
      await expireSecret(scope, tx, replaced.id, previousExpiresAt ?? now);
    }
    const { secret, createdAt } = await addSecret(services, scope, tx, organizationId);
    return { secret, createdAt, previousExpiresAt };
  });
}

async function addSecret({ clock }: Parts, scope: Scope, tx: Queryable, organizationId: string) {
  const row = { id: newId(clock), organizationId, secret: newSecret(), createdAt: clock.now() };
  await insertSecret(scope, tx, row);
  return row;
}
