/**
 * An emulator of the Batch and Files endpoints, as far as the facts go and no further: what it refuses, the vendor
 * refuses. It plays the quirks that it is told. It shares no code with the adapter beside it, so that neither can
 * hide the other's mistakes.
 */

import { type EmulatedBatch, type Emulator, type EmulatorOptions, strangerKey } from '../emulation.ts';
import { inputLines } from '../emulator/input-lines.ts';
import { startEmulatorServer } from '../emulator/server.ts';
import { statusOf } from './emulator-batch-object.ts';
import { batchRoutes } from './emulator-batches.ts';
import { fileRoutes, keptFiles } from './emulator-files.ts';
import { type EmulatedService, openStore, type Store } from './emulator-store.ts';
import { uploadRoutes } from './emulator-upload.ts';
import { callAt, webhookRoutes } from './emulator-webhook-endpoints.ts';
import { deliver, emulatorWebhookSecret } from './emulator-webhooks.ts';
import { emulatorKey, guard, unknownUrl } from './emulator-wire.ts';

/**
 * Starts an emulator of the service on a free loopback port. Operations, for faults and the record: `upload` (and
 * before it `describe`, where that is a step of its own), `list_files`, `retrieve_file`, `content`, `delete_file`,
 * `create`, `retrieve`, `list`, `cancel`; and `create_endpoint`, `list_endpoints`, `retrieve_endpoint`,
 * `delete_endpoint` of webhooks.
 */
export async function emulate(options: EmulatorOptions, service: EmulatedService): Promise<Emulator> {
  const store = openStore(options, service);
  const server = await startEmulatorServer({
    routes: [uploadRoutes, fileRoutes, batchRoutes, webhookRoutes].flatMap((routes) => routes(store)),
    guard,
    fallback: unknownUrl,
    host: options.host,
  });
  const { webhookSetting } = service;
  const connection = {
    baseUrl: `${server.origin}${service.basePath}`,
    ...(webhookSetting === null ? {} : { more: { [webhookSetting]: emulatorWebhookSecret } }),
  };
  return {
    ...connection,
    apiKey: emulatorKey,
    stranger: { ...connection, apiKey: strangerKey },
    secret: emulatorKey,
    operations: { create: 'create', results: 'content', delete: 'delete_file' },
    faults: server.faults,
    calls: server.calls,
    batches: () => emulatedBatches(store),
    kept: () => keptFiles(store),
    ...(webhookSetting === null
      ? {}
      : { callAt: (url) => callAt(store, url), deliver: () => deliver(store) }),
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
