/**
 * The batch jobs endpoints: create, retrieve, list, cancel. A job is written once, when it is created; every answer
 * about it follows from that and the clock.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { parsedObject } from '../../domain/json-reading.ts';
import { tally } from '../emulator/endings.ts';
import { inputLines } from '../emulator/input-lines.ts';
import { isOver, type Life, lifeAt, type Phase } from '../emulator/life.ts';
import type { EmulatorAnswer, EmulatorRoute } from '../emulator/server.ts';
import { refusedCreation } from './emulator-creation.ts';
import { checkInput } from './emulator-input.ts';
import { hasOutput, outputId } from './emulator-lines.ts';
import { listBatches } from './emulator-list.ts';
import type { KeptBatch, Store } from './emulator-store.ts';
import { invalid, json, refuse } from './emulator-wire.ts';

/** The routes under `/v1/batch/jobs`. */
export function batchRoutes(store: Store): EmulatorRoute[] {
  return [
    {
      operation: 'create',
      method: 'POST',
      path: /^\/v1\/batch\/jobs$/,
      handle: async (request) => create(store, await request.text()),
    },
    {
      operation: 'list',
      method: 'GET',
      path: /^\/v1\/batch\/jobs$/,
      handle: async ({ query }) =>
        listBatches(store, await store.batches.all(), query, (batch) => batchObject(store, batch)),
    },
    {
      operation: 'retrieve',
      method: 'GET',
      path: /^\/v1\/batch\/jobs\/([^/]+)$/,
      handle: async ({ params: [id = ''] }) => {
        const batch = await store.batches.meta(id);
        return batch === null ? unknownBatch : json(batchObject(store, batch));
      },
    },
    {
      operation: 'cancel',
      method: 'POST',
      path: /^\/v1\/batch\/jobs\/([^/]+)\/cancel$/,
      handle: ({ params: [id = ''] }) => cancel(store, id),
    },
  ];
}

/** The status word that the vendor shows for a job now. */
export const statusOf = (store: Store, batch: KeptBatch): string =>
  wordFor(batch, lifeAt(batch, store.clock.now()));

const create = async (store: Store, text: string): Promise<EmulatorAnswer> => {
  const body = parsedObject(text);
  if (body === null) return invalid(['body'], 'JSON decode error');
  const refusal = refusedCreation(body);
  if (refusal !== null) return refusal;
  const { input_files: files, endpoint, model = null, metadata = null } = body;
  const [inputFileId] = Array.isArray(files) ? files : [];
  const content = typeof inputFileId === 'string' ? await store.files.content(inputFileId) : null;
  if (typeof inputFileId !== 'string' || typeof endpoint !== 'string' || content === null) {
    return refuse(400, `Input file not found: ${inputFileId}`);
  }
  const lines = inputLines(content);
  const full = await overfilled(store, lines.length);
  if (full !== null) return full;
  const { faults, fates } = checkInput(lines, endpoint);
  const [fault] = faults;
  if (fault !== undefined && store.switches.inputChecked === 'at-creation') return refuse(400, fault.message);
  const batch: KeptBatch = {
    id: await store.batches.newId(),
    createdAt: store.clock.now().toISOString(),
    cancelRequestedAt: null,
    pace: store.pace,
    requestCount: lines.length,
    fates,
    faults,
    model: typeof model === 'string' ? model : null,
    inputFileId,
    endpoint,
    metadata: isJsonObject(metadata) ? textsIn(metadata) : null,
    deleted: [],
  };
  await store.batches.add(batch.id, batch, content);
  return json(batchObject(store, batch));
};

/** A job that can never fit is refused; one that only has to wait for others is asked to come again. */
const overfilled = async (store: Store, requestCount: number): Promise<EmulatorAnswer | null> => {
  const pendingMax = Number(store.switches.pendingRequestsMax);
  if (requestCount > pendingMax) return refuse(400, `A job may have at most ${pendingMax} requests.`);
  const now = store.clock.now();
  const pending = (await store.batches.all())
    .filter((batch) => !isOver(lifeAt(batch, now)))
    .reduce((sum, batch) => sum + tally(batch, now).pending, 0);
  const fits = pending + requestCount <= pendingMax;
  return fits ? null : refuse(429, 'Too many requests are pending.', 'rate_limited');
};

const textsIn = (metadata: JsonObject): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, String(value)]));

const cancel = async (store: Store, id: string): Promise<EmulatorAnswer> => {
  const batch = await store.batches.meta(id);
  if (batch === null) return unknownBatch;
  const life = lifeAt(batch, store.clock.now());
  if (isOver(life)) {
    if (store.switches.cancelWhenOver === 'answered') return json(batchObject(store, batch));
    return refuse(400, `A job with status ${wordFor(batch, life)} cannot be cancelled.`);
  }
  const cancelRequestedAt = batch.cancelRequestedAt ?? store.clock.now().toISOString();
  const stopped = await store.batches.change(id, (kept) => ({ ...kept, cancelRequestedAt }));
  return stopped === null ? unknownBatch : json(batchObject(store, stopped));
};

/** The vendor's batch job object. */
const batchObject = (store: Store, batch: KeptBatch): JsonObject => {
  const { switches } = store;
  const now = store.clock.now();
  const life = lifeAt(batch, now);
  const object: JsonObject = {
    id: batch.id,
    object: 'batch',
    input_files: [batch.inputFileId],
    metadata: batch.metadata && { ...batch.metadata },
    endpoint: batch.endpoint,
    model: batch.model,
    agent_id: null,
    output_file: hasOutput(batch, 'output', now, switches) ? outputId(batch.id, 'output') : null,
    error_file: hasOutput(batch, 'error', now, switches) ? outputId(batch.id, 'error') : null,
    errors: life.phase === 'failed' ? failure(batch) : [],
    outputs: null,
    status: wordFor(batch, life),
    created_at: Math.floor(Date.parse(batch.createdAt) / 1000),
    ...counts(store, batch, life),
    started_at: seconds(life.runningAt),
    completed_at: seconds(life.endedAt),
  };
  if (!switches.absentNulls) return object;
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
};

const counts = (store: Store, batch: KeptBatch, { phase }: Life): JsonObject => {
  const uncounted =
    phase === 'failed' || (phase === 'validating' && store.switches.countsWhileQueued === 'zero');
  const { succeeded, errored, overloaded, expired } = tally(batch, store.clock.now());
  // What expires with the whole job is in neither count; a single request that did is a failed one.
  const failed = errored + overloaded + (phase === 'expired' ? 0 : expired);
  const told = uncounted ? [0, 0, 0] : [batch.requestCount, succeeded, failed];
  const [total = 0, good = 0, bad = 0] = told;
  return {
    total_requests: total,
    completed_requests: good + bad,
    succeeded_requests: good,
    failed_requests: bad,
  };
};

const failure = ({ faults }: KeptBatch): JsonValue[] =>
  faults.length === 0
    ? [{ message: 'This job was asked to fail.', count: 1 }]
    : faults.map((fault) => ({ ...fault }));

const words = {
  validating: 'QUEUED',
  running: 'RUNNING',
  finalizing: 'RUNNING',
  cancelling: 'CANCELLATION_REQUESTED',
  completed: 'SUCCESS',
  failed: 'FAILED',
  expired: 'TIMEOUT_EXCEEDED',
  cancelled: 'CANCELLED',
} as const satisfies Record<Phase, string>;

const wordFor = (batch: KeptBatch, { phase }: Life): string =>
  phase === 'running' && batch.fates.batch.includes('unknown-status') ? 'RETICULATING' : words[phase];

const seconds = (at: Date | null): number | null => at && Math.floor(at.getTime() / 1000);

const unknownBatch: EmulatorAnswer = { status: 404, body: JSON.stringify({ detail: 'Job not found' }) };
