/** Who signs a request: reads the key where callers put it, and finds what it belongs to. */
import { createHash } from 'node:crypto';
import { findKey, type SignedInKey } from './db/queries/organizations.ts';
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

/** The key's owner; null for no key, and for one that is unknown, expired or revoked. */
export async function signIn(
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  headers: KeyHeaders,
  sandbox: boolean,
): Promise<SignedInKey | null> {
  const key = keyIn(headers);
  if (key === null) return null;
  return db.read((q) => findKey(q, { hash: hashOfKey(key), now: clock.now(), sandbox }));
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
