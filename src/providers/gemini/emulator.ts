/**
 * An emulator of the batches and files endpoints, as far as the facts go and no further: what it refuses, the vendor
 * refuses. It shares no code with the adapter beside it, so that neither can hide the other's mistakes.
 */

import { type EmulatedBatch, type Emulator, type EmulatorOptions, strangerKey } from '../emulation.ts';
import { inputLines } from '../emulator/input-lines.ts';
import { startEmulatorServer } from '../emulator/server.ts';
import { batchRoutes } from './emulator-batches.ts';
import { fileRoutes, keptFiles } from './emulator-files.ts';
import { keyIn } from './emulator-input.ts';
import { stateOf } from './emulator-operation.ts';
import { openStore, type Store } from './emulator-store.ts';
import { uploadRoute } from './emulator-uploads.ts';
import { createSigner, deliverWebhooks } from './emulator-webhooks.ts';
import { emulatorKey, guard, notFound, parseObject } from './emulator-wire.ts';

/**
 * Starts the emulator. Operations, for faults and the record: `start_upload`, `upload`, `get_file`, `list_files`,
 * `delete_file`, `download`, `create`, `retrieve`, `list`, `cancel`, `delete`.
 */
export async function emulate(options: EmulatorOptions): Promise<Emulator> {
  const store = openStore(options);
  const signer = await createSigner(store);
  const server = await startEmulatorServer({
    routes: [uploadRoute(store), ...fileRoutes(store), ...batchRoutes(store)],
    guard: (request) => guard(request, store.switches),
    fallback: () => notFound(),
    host: options.host,
  });
  return {
    // The vendor's SDK puts the version before each path itself.
    baseUrl: server.origin,
    apiKey: emulatorKey,
    more: { webhookSecret: signer.verifier },
    stranger: { baseUrl: server.origin, apiKey: strangerKey },
    secret: emulatorKey,
    operations: { create: 'create', results: 'download', delete: 'delete_file' },
    faults: server.faults,
    calls: server.calls,
    batches: () => emulatedBatches(store),
    kept: () => keptFiles(store),
    deliver: () => deliverWebhooks(store, signer),
    close: server.close,
  };
}

const emulatedBatches = async (store: Store): Promise<EmulatedBatch[]> => {
  const described: EmulatedBatch[] = [];
  for (const batch of await store.batches.all()) {
    const content = await store.batches.content(batch.id);
    described.push({
      id: `batches/${batch.id}`,
      status: stateOf(store, batch),
      requestCount: batch.requestCount,
      keys: inputLines(content ?? Buffer.alloc(0)).map(keyOf),
    });
  }
  return described;
};

/** A line that no request can be read from has no key. */
const keyOf = (line: Buffer): string => keyIn(parseObject(line.toString('utf8')) ?? {}) ?? '';
