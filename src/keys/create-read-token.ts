/**
 * `createReadToken`: hands on a part of a key's right to read, for a while, so that a web page need not hold the key.
 * Nothing is stored: the token says what it opens, and the key's hash proves it (`grant-signer.ts`).
 */
import { findBatches } from '../db/queries/batches.ts';
import type { SignedInKey } from '../db/queries/organizations.ts';
import { grantEnd } from '../domain/read-token.ts';
import type { Scope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import { readTokenPrefix } from '../sign-in.ts';

/** A read token, and what it opens. */
export interface NewReadToken {
  /** The token; it is not kept. */
  readonly token: string;
  readonly expiresAt: Date;
  /** Null for all of the organization. */
  readonly batchIds: readonly string[] | null;
}

/** A token of the key that signed in. Throws `NotFoundError` where the scope has not all of the batches. */
export async function createReadToken(
  { db, clock, signer }: Pick<Services, 'db' | 'clock' | 'signer'>,
  scope: Scope,
  { apiKeyId, apiKey, keyHash }: Pick<SignedInKey, 'apiKeyId' | 'apiKey' | 'keyHash'>,
  { batchIds, seconds }: { readonly batchIds: readonly string[] | null; readonly seconds: number },
): Promise<NewReadToken> {
  if (batchIds !== null) {
    const found = await db.read((q) => findBatches(scope, q, batchIds));
    const missing = batchIds.find((id) => !found.some((row) => row.id === id));
    if (missing !== undefined) throw new NotFoundError('batch', missing);
  }
  const expiresAt = grantEnd(clock.now(), seconds, apiKey.expiresAt);
  const signed = signer.sign(keyHash, { apiKeyId, expiresAt, reads: 'batches', batchIds });
  return { token: readTokenPrefix + signed, expiresAt, batchIds };
}
