/**
 * An emulator of Bedrock's batch inference and of as much of S3 as it needs, as far as the facts go and no further:
 * what it refuses, the vendor refuses. It shares no code with the adapter beside it, so that neither can hide the
 * other's mistakes.
 */

import { type EmulatedBatch, type Emulator, type EmulatorOptions, strangerKey } from '../emulation.ts';
import { inputLines } from '../emulator/input-lines.ts';
import { startEmulatorServer } from '../emulator/server.ts';
import { jobRoutes } from './emulator-jobs.ts';
import { keysRoute } from './emulator-keys.ts';
import { keptObjects, objectRoutes } from './emulator-objects.ts';
import { stateAt } from './emulator-state.ts';
import { openStore, type Store } from './emulator-store.ts';
import { account, guard, s3Path, unknownCall } from './emulator-wire.ts';

/**
 * Starts the emulator on a free loopback port; one server is both services. Operations, for faults and the record:
 * `create`, `retrieve`, `list`, `stop`; `put_object`, `get_object`, `head_object`, `delete_object`, `list_objects`.
 */
export async function emulate(options: EmulatorOptions): Promise<Emulator> {
  const store = openStore(options);
  const server = await startEmulatorServer({
    routes: [...jobRoutes(store), keysRoute(store), ...objectRoutes(store)],
    guard,
    fallback: unknownCall,
    host: options.host,
  });
  const connection = {
    baseUrl: server.origin,
    apiKey: account.roleArn,
    more: {
      region: account.region,
      s3Uri: `s3://${account.bucket}/batches`,
      accessKeyId: account.accessKeyId,
      secretAccessKey: account.secretAccessKey,
      s3Endpoint: `${server.origin}${s3Path}`,
    },
  };
  return {
    ...connection,
    stranger: {
      ...connection,
      apiKey: strangerKey,
      more: { ...connection.more, accessKeyId: strangerKey },
    },
    secret: account.secretAccessKey,
    operations: { create: 'create', results: 'get_object', delete: 'delete_object' },
    faults: server.faults,
    calls: server.calls,
    batches: () => emulatedBatches(store),
    kept: () => keptObjects(store),
    close: server.close,
  };
}

const emulatedBatches = async (store: Store): Promise<EmulatedBatch[]> => {
  const described: EmulatedBatch[] = [];
  for (const job of await store.jobs.all()) {
    const content = await store.jobs.content(job.id);
    described.push({
      id: job.arn,
      status: stateAt(job, store.clock.now()).word,
      requestCount: job.requestCount,
      keys: inputLines(content ?? Buffer.alloc(0)).map(keyIn),
    });
  }
  return described;
};

/** A line that no request can be read from has no key. */
const keyIn = (line: Buffer): string => {
  try {
    return String(JSON.parse(line.toString('utf8')).recordId);
  } catch {
    return '';
  }
};
