/**
 * How the vendor calls us when a batch completes or fails: the batch object, signed. Its two pages name two headers
 * for the signature; either is taken. Its sample signs the JSON of the payload and not the body as it was sent; where
 * the two differ, either is taken.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { parsedObject } from '../../domain/json-reading.ts';
import type { Webhook, WebhookCall } from '../provider.ts';

/** The URL goes along with each batch and cannot be guessed, so that an unsigned call is still a hint. */
export const webhook: Webhook = {
  registration: 'JOB',
  secret: 'webhookSecret',
  coversBody: true,
  unsignedAsHint: true,
  read(call, secret) {
    const refusal = secret === null ? null : refusalOf(call, secret);
    if (refusal !== null) return { kind: 'refused', reason: refusal };
    const { id } = parsedObject(call.body) ?? {};
    if (typeof id === 'string' && id !== '') {
      return { kind: 'event', id: digestOf(call.body), providerJobId: id };
    }
    const reason = 'the call names no batch';
    return secret === null ? { kind: 'refused', reason } : { kind: 'ignored', reason };
  },
};

/** Repeated calls carry the same body, signed anew. */
const digestOf = (body: string): string => createHash('sha256').update(body).digest('hex');

const signatureHeaders = ['sync-signature', 'x-signature-primary'];

/** How far the vendor's clock and ours may be apart, and how old a call may be. */
const toleranceSeconds = 300;

/** Why the call is not to be believed; null where it is. */
const refusalOf = ({ headers, body, now }: WebhookCall, secret: string): string | null => {
  const signatures = signatureHeaders.flatMap((name) => readSignatures(headers.get(name) ?? ''));
  if (signatures.length === 0) return 'the call is not signed';
  const genuine = signatures.filter(
    ({ timestamp, mac }) =>
      isMac(mac, secret, `${timestamp}.${body}`) || isMac(mac, secret, `${timestamp}.${rewritten(body)}`),
  );
  if (genuine.length === 0) return 'the signature is not genuine';
  const isFresh = genuine.some(
    ({ timestamp }) => Math.abs(now.getTime() / 1000 - Number(timestamp)) <= toleranceSeconds,
  );
  return isFresh ? null : 'the call is too old, or from the future';
};

interface Signature {
  /** Unix seconds, as the text that was signed. */
  readonly timestamp: string;
  readonly mac: string;
}

/** The signatures in `t=1,v1=ab,v1=cd`; none where it reads otherwise. */
const readSignatures = (header: string): Signature[] => {
  const parts = header.split(',').map((part) => part.trim());
  const timestamp = parts.find((part) => /^t=\d{1,15}$/.test(part))?.slice(2);
  if (timestamp === undefined) return [];
  return parts
    .filter((part) => /^v1=[0-9a-f]{64}$/i.test(part))
    .map((part) => ({ timestamp, mac: part.slice(3) }));
};

/** The whole secret is the key, whatever it begins with. */
const isMac = (mac: string, secret: string, text: string): boolean =>
  timingSafeEqual(Buffer.from(mac, 'hex'), createHmac('sha256', secret).update(text).digest());

/** The body as JSON that was read and written again; as it was where it is none. */
const rewritten = (body: string): string => {
  const value = parsedObject(body);
  return value === null ? body : JSON.stringify(value);
};
