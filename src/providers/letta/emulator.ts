/**
 * An emulator of Letta's batches, as far as the facts go and no further: what it refuses, the server refuses. It shares
 * no code with the adapter beside it, so that neither can hide the other's mistakes.
 */
import { type EmulatedBatch, type Emulator, type EmulatorOptions, strangerKey } from '../emulation.ts';
import { startEmulatorServer } from '../emulator/server.ts';
import { createCallbacks } from './emulator-callbacks.ts';
import { agentOf, requestsIn } from './emulator-creation.ts';
import { statusOf } from './emulator-job.ts';
import { jobRoutes } from './emulator-jobs.ts';
import { messageRoute } from './emulator-messages.ts';
import { openStore, type Store } from './emulator-store.ts';
import { emulatorKey, guard, unknownUrl } from './emulator-wire.ts';

/**
 * Starts the emulator on a free loopback port. Operations, for faults and the record: `create`, `list`, `retrieve`,
 * `messages`, `cancel`.
 */
export async function emulate(options: EmulatorOptions): Promise<Emulator> {
  const store = openStore(options);
  const server = await startEmulatorServer({
    routes: [...jobRoutes(store), messageRoute(store)],
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
    operations: { create: 'create', results: 'messages' },
    faults: server.faults,
    calls: server.calls,
    batches: () => emulatedBatches(store),
    deliver: createCallbacks(store),
    close: server.close,
  };
}

const emulatedBatches = async (store: Store): Promise<EmulatedBatch[]> => {
  const described: EmulatedBatch[] = [];
  for (const job of await store.jobs.all()) {
    const requests = requestsIn(await store.jobs.content(job.id));
    described.push({
      id: job.id,
      status: statusOf(store, job),
      requestCount: job.requestCount,
      keys: requests.map(agentOf),
    });
  }
  return described;
};
