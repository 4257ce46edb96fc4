/**
 * An emulator of the Batch and Files endpoints, as far as the facts go and no further: what it refuses, the vendor
 * refuses. It plays the quirks that it is told. It shares no code with the adapter beside it, so that neither can
 * hide the other's mistakes.
 */
import type { EmulatedBatch, Emulator, EmulatorOptions } from '../emulation.ts';
import { startEmulatorServer } from '../emulator/server.ts';
import { statusOf } from './emulator-batch-object.ts';
import { batchRoutes } from './emulator-batches.ts';
import { fileRoutes } from './emulator-files.ts';
import { type EmulatedService, inputLines, openStore, type Store } from './emulator-store.ts';
import { emulatorKey, guard, unknownUrl } from './emulator-wire.ts';

/**
 * Starts an emulator of the service on a free loopback port. Operations, for faults and the record: `upload`, `list_files`,
 * `retrieve_file`, `content`, `delete_file`, `create`, `retrieve`, `list`, `cancel`.
 */
export async function emulate(options: EmulatorOptions, service: EmulatedService): Promise<Emulator> {
  const store = openStore(options, service);
  const server = await startEmulatorServer({
    routes: [...fileRoutes(store), ...batchRoutes(store)],
    guard,
    fallback: unknownUrl,
  });
  return {
    baseUrl: `${server.origin}${service.basePath}`,
    apiKey: emulatorKey,
    faults: server.faults,
    calls: server.calls,
    batches: () => emulatedBatches(store),
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
      keys: inputLines(content ?? Buffer.alloc(0)).map(keyIn),
    });
  }
  return described;
};

/** A line that no request can be read from has no key. */
const keyIn = (line: Buffer): string => {
  try {
    return String(JSON.parse(line.toString('utf8')).custom_id);
  } catch {
    return '';
  }
};
