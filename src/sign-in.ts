/** Who signs a request: reads the key where callers put it, and finds what it belongs to. */
import { createHash } from 'node:crypto';
import { noteKeyUse } from './db/queries/api-keys.ts';
import { findKey, type SignedInKey } from './db/queries/organizations.ts';
import { workerScope } from './domain/scope.ts';
import type { Services } from './services.ts';

/** What is kept of a key: its SHA-256. Keys are long and random, so nothing slower is needed. */
export const hashOfKey = (key: string): Buffer => createHash('sha256').update(key).digest();

/** Where a key may stand in a request, by lower-case name. */
export type KeyHeaders = Readonly<Record<string, unknown>>;

/** The key in `Authorization: Bearer <key>` or `x-api-key: <key>`; null where there is none. */
export function keyIn(headers: KeyHeaders): string | null {
  const bearer = /^Bearer\s+(\S+)\s*$/i.exec(text(headers['authorization']))?.[1];
  const key = bearer ?? text(headers['x-api-key']).trim();
  return key === '' ? null : key;
}

/** What a read token begins with. */
export const readTokenPrefix = 'bqt_';

/**
 * The key's owner, also by a read token of it; null for no key, and for one that is unknown, expired or revoked. Throws
 * `RateLimitedError` where too many wrong ones came from the address; without an address, nothing is counted.
 */
export async function signIn(
  services: SignInParts,
  headers: KeyHeaders,
  sandbox: boolean,
  address: string | null = null,
): Promise<SignedInKey | null> {
  const key = keyIn(headers);
  if (key === null) return null;
  const hash = hashOfKey(key);
  const lookUp = () => ownerOf(services, key, hash, sandbox);
  return address === null ? lookUp() : services.rates.signIns.trying(address, hash, lookUp);
}

async function ownerOf(
  services: SignInParts,
  key: string,
  hash: Buffer,
  sandbox: boolean,
): Promise<SignedInKey | null> {
  // A key that an operator chose may begin like a token.
  const text = key.startsWith(readTokenPrefix) ? key.slice(readTokenPrefix.length) : null;
  const holder = text === null ? null : await signInByGrant(services, text, sandbox);
  if (holder?.grant?.reads === 'batches') return holder;
  const now = services.clock.now();
  const viewer = await services.db.read((q) => findKey(q, { hash, now, sandbox }));
  if (viewer !== null) await noteUse(services, viewer, now);
  return viewer;
}

/** Who reads by what a key has signed; null for what it has not, and for what is over. Does not count as a use of the key. */
export async function signInByGrant(
  { db, clock, signer }: Omit<SignInParts, 'rates'>,
  text: string,
  sandbox: boolean,
): Promise<SignedInKey | null> {
  const now = clock.now();
  const grant = signer.read(text);
  if (grant === null || grant.expiresAt <= now) return null;
  const viewer = await db.read((q) => findKey(q, { id: grant.apiKeyId, now, sandbox }));
  return viewer !== null && signer.isSigned(viewer.keyHash, text)
    ? { ...viewer, access: 'read', grant }
    : null;
}

type SignInParts = Pick<Services, 'db' | 'clock' | 'log' | 'signer' | 'rates'>;

/** How exactly it is known when a key was used last: whoever signs in more often writes nothing. */
const useMilliseconds = 60_000;

/** What cannot be noted keeps nobody out. */
async function noteUse(
  { db, log }: Pick<Services, 'db' | 'log'>,
  { apiKey: { id, lastUsedAt } }: SignedInKey,
  now: Date,
): Promise<void> {
  const before = new Date(now.getTime() - useMilliseconds);
  if (lastUsedAt !== null && lastUsedAt >= before) return;
  await db
    .read((q) => noteKeyUse(workerScope, q, id, { now, before }))
    .catch((error: unknown) => log.warn({ err: error }, 'the use of a key could not be noted'));
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
