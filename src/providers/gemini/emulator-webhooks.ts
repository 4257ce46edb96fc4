/**
 * The calls that tell of the end of a job, to the addresses that went along with its creation. Nothing is sent by
 * itself: whoever turns the clock asks for what is due.
 *
 * Such a call is said to be signed with a token; one to an address that was entered for a project, with a secret.
 */
import { createHmac, generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { JsonObject } from '../../domain/json-line.ts';
import { isOver, type Life, lifeAt, type Phase } from '../emulator/life.ts';
import { outputId, resultsAt } from './emulator-lines.ts';
import type { KeptBatch, Store } from './emulator-store.ts';
import { timeOf } from './emulator-wire.ts';

/** Signs the calls of one emulator. */
export interface WebhookSigner {
  /** What they can be verified with, as the setting has it: a secret, or public keys. */
  readonly verifier: string;
  signature(call: { id: string; seconds: number; body: string; uri: string }): string;
}

/** A signer that signs as the switch says. */
export async function createSigner({ switches }: Store): Promise<WebhookSigner> {
  return switches.webhookSignature === 'secret' ? secretSigner : tokenSigner(await keysOnce());
}

/** Sends the calls that are due, each once and to each address; how many. One that is not taken is not sent again. */
export async function deliverWebhooks(store: Store, signer: WebhookSigner): Promise<number> {
  const now = store.clock.now();
  let sent = 0;
  for (const batch of await store.batches.all()) {
    const life = lifeAt(batch, now);
    const type = typeOf(life, store);
    if (type === null || batch.webhookSent || batch.webhookUris.length === 0) continue;
    await store.batches.change(batch.id, (kept) => ({ ...kept, webhookSent: true }));
    const body = JSON.stringify(eventOf(store, batch, { type, life }));
    for (const [index, uri] of batch.webhookUris.entries()) {
      await post(uri, body, { id: `msg_${batch.id}${index}`, now, signer });
      sent += 1;
    }
  }
  return sent;
}

const typeOf = (life: Life, { switches }: Store): string | null => {
  if (!isOver(life)) return null;
  return life.phase === 'cancelled' && switches.cancelledWebhook === 'unsent' ? null : types[life.phase];
};

const types = {
  validating: null,
  running: null,
  finalizing: null,
  cancelling: null,
  completed: 'batch.succeeded',
  failed: 'batch.failed',
  expired: 'batch.expired',
  cancelled: 'batch.cancelled',
} as const satisfies Record<Phase, string | null>;

const eventOf = (
  store: Store,
  batch: KeptBatch,
  { type, life }: { type: string; life: Life },
): JsonObject => {
  const results = resultsAt(batch, store);
  return {
    type,
    version: 'v1',
    timestamp: timeOf(life.endedAt ?? store.clock.now()),
    data: {
      id: store.switches.webhookJobId === 'bare' ? batch.id : `batches/${batch.id}`,
      ...(results === null || batch.inputFile === null
        ? {}
        : { output_file_uri: `files/${outputId(batch.id)}` }),
      ...(life.phase === 'failed'
        ? { error_code: 3, error_message: batch.fault ?? 'This job was asked to fail.' }
        : {}),
    },
  };
};

const post = async (
  uri: string,
  body: string,
  { id, now, signer }: { id: string; now: Date; signer: WebhookSigner },
): Promise<void> => {
  const seconds = Math.floor(now.getTime() / 1000);
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signer.signature({ id, seconds, body, uri }),
  };
  // Whoever does not listen is not told; the vendor would try again for a day.
  const answer = await fetch(uri, { method: 'POST', headers, body }).catch(() => null);
  await answer?.body?.cancel();
};

const secret = Buffer.from('the webhooks of an emulator').toString('base64');

const secretSigner: WebhookSigner = {
  verifier: `whsec_${secret}`,
  signature({ id, seconds, body }) {
    const mac = createHmac('sha256', Buffer.from(secret, 'base64')).update(`${id}.${seconds}.${body}`);
    return `v1,${mac.digest('base64')}`;
  },
};

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

let keys: Promise<KeyPair> | undefined;
/** Keys take a while to make, and one pair serves every emulator of a process. */
const keysOnce = (): Promise<KeyPair> => {
  keys ??= promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return keys;
};

const tokenSigner = ({ publicKey, privateKey }: KeyPair): WebhookSigner => {
  const kid = 'emulator';
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  return {
    verifier: JSON.stringify({ keys: [{ kty: 'RSA', alg: 'RS256', use: 'sig', kid, n, e }] }),
    signature({ id, seconds, uri }) {
      const claims = { iss: issuer, aud: uri, jti: id, iat: seconds, exp: seconds + tokenSeconds };
      const data = [{ alg: 'RS256', typ: 'JWT', kid }, claims]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      return `${data}.${sign('RSA-SHA256', Buffer.from(data), privateKey).toString('base64url')}`;
    },
  };
};

const issuer = 'https://generativelanguage.googleapis.com';
const tokenSeconds = 300;
