/**
 * The Batch endpoints: create, retrieve, list, cancel. A batch is written once, when it is created; every answer
 * about it follows from that and the clock (`emulator-batch-object.ts`).
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../domain/json-line.ts';
import { parsedObject } from '../../domain/json-reading.ts';
import { isOver, lifeAt } from '../emulator/life.ts';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { batchObject, statusOf } from './emulator-batch-object.ts';
import { checkInput } from './emulator-input.ts';
import { queueFault } from './emulator-queue.ts';
import { inListOrder, type KeptBatch, type Store } from './emulator-store.ts';
import { json, pathAt, refuse } from './emulator-wire.ts';
import type { Quirks } from './quirks.ts';

/** The routes under `/batches`. */
export function batchRoutes(store: Store): EmulatorRoute[] {
  const at = (path: string): RegExp => pathAt(store.service, path);
  const routes: readonly EmulatorRoute[] = [
    {
      operation: 'create',
      method: 'POST',
      path: at('/batches'),
      handle: (request) => create(store, request),
    },
    {
      operation: 'list',
      method: 'GET',
      path: at('/batches'),
      handle: ({ query }) => list(store, query),
    },
    {
      operation: 'retrieve',
      method: 'GET',
      path: at('/batches/([^/]+)'),
      handle: async ({ params: [id = ''] }) => {
        const batch = await store.batches.meta(id);
        return batch === null ? unknownBatch(id) : json(batchObject(store, batch));
      },
    },
    {
      operation: 'cancel',
      method: 'POST',
      path: at('/batches/([^/]+)/cancel'),
      handle: ({ params: [id = ''] }) => cancel(store, id),
    },
  ];
  const say = sayings[store.service.quirks.errors];
  return routes.map((route) => ({ ...route, handle: async (request) => say(await route.handle(request)) }));
}

/** How a call about batches is refused: with the vendor's error object, or with its message alone. */
const sayings: Record<Quirks['errors'], (answer: EmulatorAnswer) => EmulatorAnswer> = {
  list: (answer) => answer,
  text: (answer) => {
    if (answer.status < 400) return answer;
    const { error } = parsedObject(String(answer.body)) ?? {};
    const { message = null } = isJsonObject(error) ? error : {};
    return { ...answer, body: JSON.stringify({ error: message }) };
  },
};

const create = async (store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const { limits, quirks } = store.service;
  const body = parsedObject(await request.text());
  if (body === null) return refuse(400, 'We could not parse the JSON body of your request.');
  const refusal = refusedCreation(store, body);
  if (refusal !== null) return refusal;
  const idempotencyKey = headerOf(request, quirks.idempotencyHeader);
  const earlier = idempotencyKey === null ? null : await batchOf(store, idempotencyKey);
  if (earlier !== null) return created(store, earlier);
  const { input_file_id: inputFileId, endpoint, completion_window: window, metadata = null } = body;
  const content = typeof inputFileId === 'string' ? await store.files.content(inputFileId) : null;
  if (typeof inputFileId !== 'string' || typeof endpoint !== 'string' || content === null) {
    return refuse(400, `Invalid input file: ${inputFileId}`, { param: 'input_file_id' });
  }
  const { requestCount, model, ...checked } = checkInput(content, endpoint);
  if (limits.requestsMax !== null && requestCount > limits.requestsMax) {
    return refuse(400, `The file has ${requestCount} requests; a batch may have ${limits.requestsMax}.`);
  }
  const full = await queueFault(store, { model, bytes: content.length });
  const faults = full === null ? checked.faults : [full];
  const fates = full === null ? checked.fates : { ...checked.fates, batch: ['job-failed' as const] };
  const batch: KeptBatch = {
    id: await store.batches.newId(),
    createdAt: store.clock.now().toISOString(),
    cancelRequestedAt: null,
    pace: store.pace,
    requestCount,
    fates,
    faults,
    model,
    inputFileId,
    endpoint,
    completionWindow: String(window),
    idempotencyKey,
    metadata: isMetadata(metadata) ? metadata : null,
    deleted: [],
  };
  await store.batches.add(batch.id, batch, content);
  return created(store, batch);
};

const created = (store: Store, batch: KeptBatch): EmulatorAnswer => {
  const { createWrapper } = store.service.quirks;
  const object = batchObject(store, batch);
  return json(createWrapper === null ? object : { [createWrapper]: object });
};

const headerOf = ({ headers }: EmulatorRequest, name: string | null): string | null => {
  const value = headers[name?.toLowerCase() ?? ''];
  return typeof value === 'string' ? value : null;
};

const batchOf = async (store: Store, key: string): Promise<KeptBatch | null> =>
  (await store.batches.all()).find(({ idempotencyKey }) => idempotencyKey === key) ?? null;

const creationMembers = ['input_file_id', 'endpoint', 'completion_window', 'output_expires_after'];

/** What the vendor says at once against a creation, before it looks at the file. */
const refusedCreation = (
  { service: { endpoints, completionWindows, quirks } }: Store,
  body: JsonObject,
): EmulatorAnswer | null => {
  const { endpoint, completion_window: window, metadata = null } = body;
  const members = quirks.metadata ? [...creationMembers, 'metadata'] : creationMembers;
  const unknown = Object.keys(body).find((member) => !members.includes(member));
  if (unknown !== undefined) {
    const place = { code: 'unknown_parameter', param: unknown };
    return refuse(400, `Unknown parameter: '${unknown}'.`, place);
  }
  for (const member of ['input_file_id', 'endpoint', 'completion_window']) {
    if (typeof body[member] === 'string') continue;
    const place = { code: 'missing_required_parameter', param: member };
    return refuse(400, `Missing required parameter: '${member}'.`, place);
  }
  if (!endpoints.includes(String(endpoint))) {
    const known = endpoints.map((path) => `'${path}'`).join(', ');
    const place = { code: 'invalid_value', param: 'endpoint' };
    return refuse(400, `Invalid value: '${endpoint}'. Supported values are: ${known}.`, place);
  }
  if (!completionWindows.includes(String(window))) {
    const known = completionWindows.map((word) => `'${word}'`).join(' or ');
    const place = { code: 'invalid_value', param: 'completion_window' };
    return refuse(400, `Invalid value: '${window}'. Value must be ${known}.`, place);
  }
  const { output_expires_after: expiry = null } = body;
  if (expiry !== null && !isExpiry(expiry)) {
    const place = { code: 'invalid_value', param: 'output_expires_after' };
    return refuse(400, 'output_expires_after takes an anchor and 3600 to 2592000 seconds.', place);
  }
  if (metadata !== null && !isMetadata(metadata)) {
    const place = { code: 'invalid_type', param: 'metadata' };
    return refuse(
      400,
      'metadata takes up to 16 pairs of keys up to 64 and texts up to 512 characters.',
      place,
    );
  }
  return null;
};

const isExpiry = (value: JsonValue): boolean => {
  const { anchor, seconds, ...others } = isJsonObject(value) ? value : {};
  const isPlain = anchor === 'created_at' && Object.keys(others).length === 0;
  return isPlain && Number.isInteger(seconds) && Number(seconds) >= 3600 && Number(seconds) <= 2_592_000;
};

const isMetadata = (value: JsonValue): value is Record<string, string> => {
  const pairs = isJsonObject(value) ? Object.entries(value) : null;
  if (pairs === null || pairs.length > 16) return false;
  return pairs.every(([key, text]) => key.length <= 64 && typeof text === 'string' && text.length <= 512);
};

const list = async (store: Store, query: URLSearchParams): Promise<EmulatorAnswer> => {
  const batches = inListOrder(store, await store.batches.all());
  const objects = (some: readonly KeptBatch[]) => some.map((batch) => batchObject(store, batch));
  const { list: shape } = store.service.quirks;
  if (shape === 'array') return json(objects(batches));
  if (shape === 'object') return json({ object: 'list', data: objects(batches) });
  const limit = Number(query.get('limit') ?? 20);
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
    return refuse(400, "'limit' must be between 1 and 100.", { param: 'limit' });
  }
  const after = query.get('after');
  const reached = after === null ? -1 : batches.findIndex(({ id }) => id === after);
  if (after !== null && reached === -1) return refuse(400, `No batch found with id '${after}'.`);
  const from = reached + 1;
  const data = batches.slice(from, from + limit);
  return json({
    object: 'list',
    data: objects(data),
    first_id: data.at(0)?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: from + limit < batches.length,
  });
};

const cancel = async (store: Store, id: string): Promise<EmulatorAnswer> => {
  const batch = await store.batches.meta(id);
  if (batch === null) return unknownBatch(id);
  if (isOver(lifeAt(batch, store.clock.now()))) {
    if (store.switches.cancelWhenOver === 'answered') return json(batchObject(store, batch));
    return refuse(409, `Cannot cancel a batch with status '${statusOf(store, batch)}'.`);
  }
  const cancelRequestedAt = batch.cancelRequestedAt ?? store.clock.now().toISOString();
  const stopped = await store.batches.change(id, (kept) => ({ ...kept, cancelRequestedAt }));
  return stopped === null ? unknownBatch(id) : json(batchObject(store, stopped));
};

const unknownBatch = (id: string): EmulatorAnswer => refuse(404, `No batch found with id '${id}'.`);
