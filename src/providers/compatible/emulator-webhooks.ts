/**
 * Webhooks: the calls that tell of the end of a batch, signed as Standard Webhooks say. Every endpoint has the same
 * secret here, so that it can be a setting before there is one. Which endpoints there are is
 * `emulator-webhook-endpoints.ts`.
 */
import { createHash, createHmac } from 'node:crypto';
import type { JsonObject, JsonValue } from '../../domain/json-line.ts';
import { lifeAt, type Phase } from '../emulator/life.ts';
import type { KeptBatch, Store } from './emulator-store.ts';

/** The secret that signs every call of the emulator. */
export const emulatorWebhookSecret = 'whsec_ZW11bGF0ZWQtd2ViaG9vay1zZWNyZXQtMDEyMzQ1Njc=';

/**
 * Tells every endpoint of the batches that ended since it was registered, each once whatever it answers; how many
 * calls were made.
 */
export async function deliver(store: Store): Promise<number> {
  const now = store.clock.now();
  const endpoints = await store.endpoints.all();
  let count = 0;
  for (const batch of endpoints.length === 0 ? [] : await store.batches.all()) {
    const { phase, endedAt } = lifeAt(batch, now);
    const type = events[phase];
    if (endedAt === null || type === null) continue;
    for (const { id, url, eventTypes: wanted, createdAt } of endpoints) {
      if (batch.told?.includes(id) || !wanted.includes(type) || new Date(createdAt) > endedAt) continue;
      if (!(await isFirst(store, batch.id, id))) continue;
      await call(url, eventOf(batch, type, endedAt), `wh_${wordFor(`${batch.id} ${id}`)}`, now);
      count += 1;
    }
  }
  return count;
}

/** Whether the endpoint has not been told of the batch; from now on it has, so that two who ask at once do not both. */
const isFirst = async (store: Store, batchId: string, endpointId: string): Promise<boolean> => {
  let first = false;
  await store.batches.change(batchId, (kept) => {
    const told = kept.told ?? [];
    first = !told.includes(endpointId);
    return first ? { ...kept, told: [...told, endpointId] } : kept;
  });
  return first;
};

/** What the end of a batch is called; null for what is no end. */
const events = {
  validating: null,
  running: null,
  finalizing: null,
  cancelling: null,
  completed: 'batch.completed',
  failed: 'batch.failed',
  expired: 'batch.expired',
  cancelled: 'batch.cancelled',
} as const satisfies Record<Phase, string | null>;

/** The events that an endpoint can ask for. */
export const webhookEvents: readonly JsonValue[] = Object.values(events).filter((type) => type !== null);

const eventOf = (batch: KeptBatch, type: string, endedAt: Date): JsonObject => ({
  id: `evt_${wordFor(batch.id)}`,
  object: 'event',
  created_at: Math.floor(endedAt.getTime() / 1000),
  type,
  data: { id: batch.id },
});

const call = async (url: string, event: JsonObject, id: string, now: Date): Promise<void> => {
  const body = JSON.stringify(event);
  const seconds = Math.floor(now.getTime() / 1000);
  const key = Buffer.from(emulatorWebhookSecret.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${signature}`,
  };
  try {
    const signal = AbortSignal.timeout(callMilliseconds);
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    await response.body?.cancel();
  } catch {
    // Whoever is not there has missed the call.
  }
};

const callMilliseconds = 10_000;

/** A word that follows from the text, as long as the vendor's. */
const wordFor = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);
