/**
 * An emulator of the Batch API and of the files endpoints that it needs, as far as the facts go and no further: what it
 * refuses, the vendor refuses. It shares no code with the adapter beside it, so that neither can hide the other's
 * mistakes. Batches live on the clock that is handed in, and nowhere is a timer.
 */
import { type EmulatedBatch, type Emulator, type EmulatorOptions, strangerKey } from '../emulation.ts';
import { type EmulatorRoute, startEmulatorServer } from '../emulator/server.ts';
import { addRequests } from './emulator-add.ts';
import { batchObject, cancelBatch, createBatch, keptBatch, listBatches, wordOf } from './emulator-batches.ts';
import { fileRoutes } from './emulator-files.ts';
import { listRequests, listResults } from './emulator-results.ts';
import { openStore, type Store } from './emulator-store.ts';
import { emulatorKey, guard, json, refusing, unknownUrl } from './emulator-wire.ts';

/**
 * Starts the emulator. Its base URL ends with `/v1`, as the vendor's does. Operations, for faults and the record:
 * `create`, `list`, `retrieve`, `add`, `requests`, `results`, `cancel`, `upload`, `retrieve_file`, `content`,
 * `delete_file`.
 */
export async function emulate(options: EmulatorOptions): Promise<Emulator> {
  const store = openStore(options);
  const server = await startEmulatorServer({
    routes: [...batchRoutes(store), ...fileRoutes(store)].map(refusing),
    guard: guard(store.switches),
    fallback: unknownUrl,
    host: options.host,
  });
  const baseUrl = `${server.origin}/v1`;
  return {
    baseUrl,
    apiKey: emulatorKey,
    stranger: { baseUrl, apiKey: strangerKey },
    secret: emulatorKey,
    operations: { create: 'create', results: 'results', add: 'add' },
    faults: server.faults,
    calls: server.calls,
    batches: () => emulatedBatches(store),
    close: server.close,
  };
}

const all = /^\/v1\/batches$/;
const one = /^\/v1\/batches\/([^/:]+)$/;
const requests = /^\/v1\/batches\/([^/:]+)\/requests$/;
const results = /^\/v1\/batches\/([^/:]+)\/results$/;
const cancel = /^\/v1\/batches\/([^/:]+):cancel$/;

const batchRoutes = (store: Store): EmulatorRoute[] => [
  { operation: 'create', method: 'POST', path: all, handle: (request) => createBatch(store, request) },
  { operation: 'list', method: 'GET', path: all, handle: (request) => listBatches(store, request) },
  {
    operation: 'retrieve',
    method: 'GET',
    path: one,
    handle: async (request) => json(batchObject(store, await keptBatch(store, request))),
  },
  { operation: 'add', method: 'POST', path: requests, handle: (request) => addRequests(store, request) },
  { operation: 'requests', method: 'GET', path: requests, handle: (request) => listRequests(store, request) },
  { operation: 'results', method: 'GET', path: results, handle: (request) => listResults(store, request) },
  { operation: 'cancel', method: 'POST', path: cancel, handle: (request) => cancelBatch(store, request) },
];

const emulatedBatches = async (store: Store): Promise<EmulatedBatch[]> => {
  const batches = await store.batches.all();
  return Promise.all(
    batches.map(async (batch) => {
      const keys = (await store.requestsOf(batch)).map(({ key }) => key);
      return { id: batch.id, status: wordOf(store, batch), requestCount: keys.length, keys };
    }),
  );
};
