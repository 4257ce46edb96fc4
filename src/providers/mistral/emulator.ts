/**
 * An emulator of the batch jobs and files endpoints, as far as the facts go and no further: what it refuses, the vendor
 * refuses. It shares no code with the adapter beside it, so that neither can hide the other's mistakes.
 */

import { type EmulatedBatch, type Emulator, type EmulatorOptions, strangerKey } from '../emulation.ts';
import { inputLines } from '../emulator/input-lines.ts';
import { startEmulatorServer } from '../emulator/server.ts';
import { batchRoutes, statusOf } from './emulator-batches.ts';
import { fileRoutes, keptFiles } from './emulator-files.ts';
import { openStore, type Store } from './emulator-store.ts';
import { emulatorKey, guard, unknownUrl } from './emulator-wire.ts';

/**
 * Starts the emulator on a free loopback port. Operations, for faults and the record: `upload`, `content`,
 * `delete_file`, `create`, `retrieve`, `list`, `cancel`.
 */
export async function emulate(options: EmulatorOptions): Promise<Emulator> {
  const store = openStore(options);
  const server = await startEmulatorServer({
    routes: [...fileRoutes(store), ...batchRoutes(store)],
    guard,
    fallback: unknownUrl,
    host: options.host,
  });
  return {
    // The vendor's SDK puts the version before each path itself.
    baseUrl: server.origin,
    apiKey: emulatorKey,
    stranger: { baseUrl: server.origin, apiKey: strangerKey },
    secret: emulatorKey,
    operations: { create: 'create', results: 'content', delete: 'delete_file' },
    faults: server.faults,
    calls: server.calls,
    batches: () => emulatedBatches(store),
    kept: () => keptFiles(store),
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
