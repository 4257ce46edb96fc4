/**
 * How OpenAI tells of a batch by itself: a signed call to an endpoint that is registered once for a project. It says
 * which batch is over and nothing of how; the batch is then asked.
 */
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import type { ProviderSetting, Webhook } from '../provider.ts';
import { readSignedCall } from '../standard-webhook.ts';

/** The setting that `webhook.secret` names. */
export const webhookSecret: ProviderSetting = {
  variable: 'OPENAI_WEBHOOK_SECRET',
  required: false,
  // The vendor's own library takes what does not begin so for another kind of secret.
  pattern: /^whsec_(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/,
  must: 'whsec_ and then base64, as OpenAI shows it once',
  meaning: "The signing secret of the project's webhook endpoint; without it OpenAI's calls are refused.",
};

/** The vendor's webhook. */
export const webhook: Webhook = {
  registration: 'ACCOUNT',
  secret: 'webhookSecret',
  coversBody: true,
  unsignedAsHint: false,
  read(call, secret) {
    const signed = readSignedCall(call, secret);
    if (signed.kind === 'refused') return signed;
    const { type, data } = parse(call.body);
    if (typeof type !== 'string' || !ends.has(type)) {
      return { kind: 'ignored', reason: 'it does not tell of the end of a batch' };
    }
    const { id: batchId } = isJsonObject(data) ? data : {};
    return {
      kind: 'event',
      id: signed.id,
      providerJobId: typeof batchId === 'string' && batchId !== '' ? batchId : null,
    };
  },
};

const ends: ReadonlySet<string> = new Set([
  'batch.completed',
  'batch.failed',
  'batch.cancelled',
  'batch.expired',
]);

const parse = (body: string): JsonObject => {
  try {
    const value: unknown = JSON.parse(body);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
};
