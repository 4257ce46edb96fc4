/**
 * An emulator of the Batch API, as far as the facts go and no further: what it refuses, the vendor refuses. It shares
 * no code with the adapter beside it, so that neither can hide the other's mistakes.
 */
import { type EmulatedBatch, type Emulator, type EmulatorOptions, strangerKey } from '../emulation.ts';
import { startEmulatorServer } from '../emulator/server.ts';
import { statusOf } from './emulator-batch-object.ts';
import { batchRoutes } from './emulator-batches.ts';
import { requestIn } from './emulator-input.ts';
import { outputRoutes } from './emulator-output.ts';
import { inputLines, openStore, type Store } from './emulator-store.ts';
import { callWebhooks } from './emulator-webhooks.ts';
import { emulatorKey, emulatorWebhookSecret, guard, unknownUrl } from './emulator-wire.ts';

/**
 * Starts the emulator on a free loopback port. Operations, for faults and the record: `validate` (a dry run),
 * `create`, `retrieve`, `list`, `output` (the redirect), `download` (the file), `media`.
 */
export async function emulate(options: EmulatorOptions): Promise<Emulator> {
  const store = openStore(options);
  const server = await startEmulatorServer({
    routes: [...batchRoutes(store), ...outputRoutes(store)],
    guard: guard(store.switches),
    fallback: unknownUrl,
    host: options.host,
  });
  let delivering = Promise.resolve(0);
  return {
    // The vendor's SDK puts the version before each path itself.
    baseUrl: server.origin,
    apiKey: emulatorKey,
    more: { webhookSecret: emulatorWebhookSecret },
    stranger: { baseUrl: server.origin, apiKey: strangerKey },
    secret: emulatorKey,
    operations: { create: 'create', results: 'download' },
    faults: server.faults,
    calls: server.calls,
    batches: () => emulatedBatches(store),
    // One after the other: two at once could both take the same call for theirs.
    deliver() {
      delivering = delivering.catch(() => 0).then(() => callWebhooks(store, server.origin));
      return delivering;
    },
    close: server.close,
  };
}

const emulatedBatches = async (store: Store): Promise<EmulatedBatch[]> => {
  const described: EmulatedBatch[] = [];
  for (const batch of await store.batches.all()) {
    const content = await store.batches.content(batch.id);
    described.push({
      id: batch.id,
      status: statusOf(store, batch),
      requestCount: batch.requestCount,
      keys: inputLines(content ?? '').map(keyIn),
    });
  }
  return described;
};

const keyIn = (line: string): string => {
  const { request_id: key } = requestIn(line);
  return typeof key === 'string' ? key : '';
};
