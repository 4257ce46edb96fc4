/**
 * Calls that are signed as Standard Webhooks say: an HMAC with SHA-256 over id, time and body, in three headers.
 * Several vendors sign so, and none of them differently.
 *
 * Owned here: whether a call is genuine and recent. Left to the vendors' folders: what it says. The package's own
 * check reads the wall clock, so that only its signing is used.
 */
import { timingSafeEqual } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { WebhookCall } from './provider.ts';

/** A call that is genuine, by the id that stays the same for each repetition of it; or one that is not. */
export type SignedCall =
  | { readonly kind: 'genuine'; readonly id: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** How far the sender's clock and ours may be apart, and how long ago a call may have been signed. */
const toleranceSeconds = 300;

/**
 * Whether the call was signed with the secret, at most five minutes ago and at most five minutes ahead. A secret is
 * base64, with `whsec_` before it or without. Never throws; the reason of a refusal quotes nothing.
 */
export function readSignedCall({ headers, body, now }: WebhookCall, secret: string | null): SignedCall {
  const id = headers.get('webhook-id');
  const timestamp = headers.get('webhook-timestamp');
  const signatures = headers.get('webhook-signature');
  if (!id || !timestamp || !signatures) return refused('a header of a signed call is missing');
  // Another spelling of the same number would be signed differently.
  if (!/^[1-9]\d{0,11}$/.test(timestamp)) return refused('its time is not in Unix seconds');
  const seconds = Number(timestamp);
  if (Math.abs(Math.floor(now.getTime() / 1000) - seconds) > toleranceSeconds) {
    return refused('its time is more than five minutes away from ours');
  }
  const expected = secret === null ? null : signatureOf({ id, seconds, body }, secret);
  if (expected === null) return refused('no usable secret is set to verify it with');
  const fits = signatures.split(' ').some((signature) => isSame(signature, expected));
  return fits ? { kind: 'genuine', id } : refused('no signature of it fits the secret that is set');
}

const refused = (reason: string): SignedCall => ({ kind: 'refused', reason });

/** The signature, such as `v1,g0hM9S…`; null where the secret is none. */
const signatureOf = (
  { id, seconds, body }: { id: string; seconds: number; body: string },
  secret: string,
): string | null => {
  try {
    return new Webhook(secret).sign(id, new Date(seconds * 1000), body);
  } catch {
    return null;
  }
};

const isSame = (one: string, other: string): boolean => {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
};
