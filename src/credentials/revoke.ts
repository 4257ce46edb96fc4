/**
 * `revokeCredential`: takes an organization's credential out of use. Nothing is submitted with it from the commit on;
 * jobs that run are followed with it to their end, as they are paid for, unless its secret is to be forgotten at once.
 */
import { revokeCredential as revoke } from '../db/queries/credentials.ts';
import type { Scope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import type { ChangedCredential } from './add.ts';

/** The revoked credential; one that was revoked before can still be told to be forgotten. Throws `NotFoundError`. */
export async function revokeCredential(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  scope: Scope,
  id: string,
  { immediately }: { readonly immediately: boolean },
): Promise<ChangedCredential> {
  return db.transaction(async (tx) => {
    const credential = await revoke(scope, tx, id, { now: clock.now(), forget: immediately });
    if (credential === null) throw new NotFoundError('credential', id);
    return { credential };
  });
}
