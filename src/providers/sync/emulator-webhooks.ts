/**
 * The calls that the emulated vendor makes by itself: one for each batch with a webhook, once it has completed or
 * failed. That it was made is written down before it is, so that no batch is told of twice; whether anybody was there
 * to hear it does not matter.
 */
import { createHmac } from 'node:crypto';
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import { isOver, lifeAt } from '../emulator/life.ts';
import { batchObject } from './emulator-batch-object.ts';
import type { KeptBatch, Store } from './emulator-store.ts';
import { emulatorWebhookSecret } from './emulator-wire.ts';

/** Calls every webhook that is due by the clock; how many. `origin` begins the URLs in them. */
export async function callWebhooks(store: Store, origin: string): Promise<number> {
  const now = store.clock.now();
  let called = 0;
  for (const batch of await store.batches.all()) {
    const { webhookUrl } = batch;
    if (webhookUrl === null || !isOver(lifeAt(batch, now))) continue;
    if (!(await claim(store, batch.id))) continue;
    await call(store, webhookUrl, batchObject(store, batch, origin));
    called += 1;
  }
  return called;
}

/** Takes a batch's call for ourselves; false where it was made before. */
const claim = async ({ batches }: Store, id: string): Promise<boolean> => {
  let isOurs = false;
  await batches.change(id, (batch): KeptBatch => {
    isOurs = !batch.notified;
    return { ...batch, notified: true };
  });
  return isOurs;
};

/** How long a listener may take. */
const callMilliseconds = 10_000;

const call = async ({ clock, switches }: Store, url: string, batch: JsonObject): Promise<void> => {
  const payload = switches.webhookPayload === 'camel' ? camelled(batch) : batch;
  const isOverPayload = switches.signatureOver === 'payload';
  const body = isOverPayload ? JSON.stringify(payload, null, 2) : JSON.stringify(payload);
  const timestamp = Math.floor(clock.now().getTime() / 1000);
  const mac = createHmac('sha256', emulatorWebhookSecret)
    .update(`${timestamp}.${isOverPayload ? JSON.stringify(payload) : body}`)
    .digest('hex');
  const signature =
    switches.signatureHeader === 'none' ? {} : { [switches.signatureHeader]: `t=${timestamp},v1=${mac}` };
  await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signature },
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(callMilliseconds),
  })
    .then((answer) => answer.body?.cancel())
    .catch(() => {});
};

/** The same object with every key in camelCase, as one of the vendor's pages has it. */
const camelled = (object: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(object).map(([key, value]) => [
      key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      isJsonObject(value) ? camelled(value) : value,
    ]),
  );
