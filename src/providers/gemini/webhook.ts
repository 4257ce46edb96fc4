/**
 * How Gemini tells of a batch by itself: a call to an address that goes along with the job. It says which batch is
 * over and nothing of its results; the batch is then asked.
 *
 * A call about one job is said to be signed with the vendor's own keys (a JWT), and one to an address that was entered
 * once for a project with a secret (Standard Webhooks). What it is verified with is a setting, and either will do.
 */
import { createHash } from 'node:crypto';
import { isJsonObject } from '../../domain/json-line.ts';
import { parsedObject } from '../../domain/json-reading.ts';
import type { ProviderSetting, Webhook, WebhookCall } from '../provider.ts';
import { readSignedCall, type SignedCall } from '../standard-webhook.ts';
import { isKeySet, readTokenCall } from './webhook-token.ts';

/** The setting that `webhook.secret` names. */
export const webhookSecret: ProviderSetting = {
  variable: 'GEMINI_WEBHOOK_SECRET',
  required: false,
  pattern: /^(?:whsec_[A-Za-z0-9+/]+={0,2}|\{.*"keys".*\})$/s,
  must: "whsec_ and then base64, or the JSON of the vendor's public keys",
  meaning:
    "What Gemini's calls are verified with: a signing secret, or its public keys (a JWKS document); without it they are taken as hints.",
};

/** The vendor's webhook. */
export const webhook: Webhook = {
  registration: 'JOB',
  secret: 'webhookSecret',
  coversBody: false,
  unsignedAsHint: true,
  read(call, secret) {
    const signed = verified(call, secret);
    if (signed.kind === 'refused') return signed;
    const body = parsedObject(call.body);
    if (body === null) return { kind: 'refused', reason: 'its body is not a JSON object' };
    const { type, data } = body;
    // The vendor has told of cancelled batches, too, and says so no more.
    if (typeof type !== 'string' || !type.startsWith('batch.')) {
      return { kind: 'ignored', reason: 'it does not tell of a batch' };
    }
    const { id } = isJsonObject(data) ? data : {};
    // Any other form of an id names nothing that could be asked for.
    const isName = typeof id === 'string' && /^batches\/[^/]+$/.test(id);
    return { kind: 'event', id: signed.id, providerJobId: isName ? id : null };
  },
};

const verified = (call: WebhookCall, secret: string | null): SignedCall => {
  if (secret === null) return { kind: 'genuine', id: idOf(call) };
  return isKeySet(secret) ? readTokenCall(call, secret) : readSignedCall(call, secret);
};

/** A repetition carries the same id; where there is none, it is at least the same text. */
const idOf = ({ headers, body }: WebhookCall): string =>
  headers.get('webhook-id') ?? createHash('sha256').update(body).digest('hex');
