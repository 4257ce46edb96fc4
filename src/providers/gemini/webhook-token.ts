/**
 * Calls whose signature is a token (JWT, RS256) made with one of the vendor's keys, whose public halves it publishes
 * as a JWKS document. The keys are handed in as they were set: nothing is fetched here, so that a call signed with a
 * key that is newer than the setting is refused.
 *
 * What the token says beside its time is not documented; it is not known to cover the body.
 */
import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import type { WebhookCall } from '../provider.ts';
import type { SignedCall } from '../standard-webhook.ts';

/** Whether the setting is a set of keys, and not a secret. */
export const isKeySet = (setting: string): boolean => setting.trimStart().startsWith('{');

/** How far the sender's clock and ours may be apart, and how long ago a call may have been signed. */
const toleranceSeconds = 300;

/**
 * Whether the call's token was made with one of the keys, and the call is at most five minutes old. Never throws; the
 * reason of a refusal quotes nothing.
 */
export function readTokenCall({ headers, now }: WebhookCall, keySet: string): SignedCall {
  const id = headers.get('webhook-id');
  const token = headers.get('webhook-signature');
  if (!id || !token) return refused('a header of a signed call is missing');
  const seconds = Math.floor(now.getTime() / 1000);
  const at = Number(headers.get('webhook-timestamp') ?? Number.NaN);
  if (!(Math.abs(seconds - at) <= toleranceSeconds)) {
    return refused('its time is more than five minutes away from ours');
  }
  const [head = '', claims = '', signature = '', ...more] = token.split('.');
  const header = part(headerSchema, head);
  const told = part(claimsSchema, claims);
  if (header === null || told === null || more.length > 0) return refused('its signature is no token');
  const key = publicKey(keySet, header.kid);
  if (key === null) return refused('its key is none of those that are set');
  if (!fits({ data: `${head}.${claims}`, signature, key }))
    return refused('its signature does not fit its key');
  if (told.exp !== null && told.exp < seconds - toleranceSeconds) return refused('its token has expired');
  return { kind: 'genuine', id };
}

const refused = (reason: string): SignedCall => ({ kind: 'refused', reason });

const headerSchema = z.object({ alg: z.literal('RS256'), kid: z.string() });
/** Unix seconds. */
const claimsSchema = z.object({ exp: z.number().nullable().catch(null).default(null) });
const keySetSchema = z.object({
  keys: z.array(
    z
      .looseObject({ kid: z.string(), kty: z.literal('RSA'), n: z.string(), e: z.string() })
      .or(z.null())
      .catch(null),
  ),
});

const publicKey = (keySet: string, kid: string): KeyObject | null => {
  const keys = parse(keySetSchema, keySet)?.keys ?? [];
  const found = keys.find((key) => key?.kid === kid);
  if (!found) return null;
  const key: JsonWebKey = { kty: found.kty, n: found.n, e: found.e };
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    return null;
  }
};

const fits = ({ data, signature, key }: { data: string; signature: string; key: KeyObject }): boolean => {
  try {
    return verify('RSA-SHA256', Buffer.from(data), key, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
};

const part = <T>(schema: z.ZodType<T>, text: string): T | null =>
  parse(schema, Buffer.from(text, 'base64url').toString('utf8'));

const parse = <T>(schema: z.ZodType<T>, json: string): T | null => {
  try {
    return schema.safeParse(JSON.parse(json)).data ?? null;
  } catch {
    return null;
  }
};
