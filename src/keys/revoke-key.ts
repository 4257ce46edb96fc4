/**
 * `revokeApiKey`: takes a key back. It signs nobody in from the commit on; what it has open ends as soon as processes
 * hear of it (`http/key-watch.ts`).
 */
import { type ApiKeyView, notifyApiKey, revokeApiKey as revoke } from '../db/queries/api-keys.ts';
import type { Scope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import type { Services, WorkSettings } from '../services.ts';

/** The revoked key; one that was revoked before is answered as it is. Throws `NotFoundError`. */
export async function revokeApiKey(
  { db, clock, notifies }: Pick<Services, 'db' | 'clock'> & Pick<WorkSettings, 'notifies'>,
  scope: Scope,
  id: string,
): Promise<ApiKeyView> {
  return db.transaction(async (tx) => {
    const apiKey = await revoke(scope, tx, id, clock.now());
    if (apiKey === null) throw new NotFoundError('API key', id);
    if (notifies) await notifyApiKey(scope, tx, id);
    return apiKey;
  });
}
