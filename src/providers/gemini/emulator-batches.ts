/**
 * The batches endpoints: create, get, list, cancel, delete. A job is written once, when it is created; every answer
 * about it follows from that and the clock.
 */
import { inputLines } from '../emulator/input-lines.ts';
import { isOver, lifeAt } from '../emulator/life.ts';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { readCreation, refusedModel } from './emulator-creation.ts';
import { fileAt } from './emulator-files.ts';
import { checkInput } from './emulator-input.ts';
import { pageOf } from './emulator-list.ts';
import { operationOf, stateOf } from './emulator-operation.ts';
import type { KeptBatch, RequestKind, Store } from './emulator-store.ts';
import { invalid, json, missingFile, notFound, refuse } from './emulator-wire.ts';

/** The routes of batches, and of the two methods that create one. */
export function batchRoutes(store: Store): EmulatorRoute[] {
  const one = /^\/v1(?:beta)?\/batches\/([^/:]+)$/;
  return [
    {
      operation: 'create',
      method: 'POST',
      path: /^\/v1(?:beta)?\/((?:models|tunedModels)\/[^/:]+):(batchGenerateContent|asyncBatchEmbedContent)$/,
      handle: (request) => create(store, request),
    },
    {
      operation: 'list',
      method: 'GET',
      path: /^\/v1(?:beta)?\/batches$/,
      handle: (request) => list(store, request),
    },
    {
      operation: 'retrieve',
      method: 'GET',
      path: one,
      handle: async ({ params: [id = ''] }) => {
        const batch = await store.batches.meta(id);
        return batch === null ? notFound() : json(await operationOf(store, batch));
      },
    },
    {
      operation: 'cancel',
      method: 'POST',
      path: /^\/v1(?:beta)?\/batches\/([^/:]+):cancel$/,
      handle: ({ params: [id = ''] }) => cancel(store, id),
    },
    {
      operation: 'delete',
      method: 'DELETE',
      path: one,
      handle: async ({ params: [id = ''] }) => ((await store.batches.remove(id)) ? json({}) : notFound()),
    },
  ];
}

const create = async (store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const [path = '', method = ''] = request.params;
  const model = decodeURIComponent(path);
  const kind: RequestKind = method === 'asyncBatchEmbedContent' ? 'embedContent' : 'generateContent';
  const creation = readCreation(await request.text(), kind);
  if ('status' in creation) return creation;
  const refusal = refusedModel(model, kind) ?? (await tooMany(store));
  if (refusal !== null) return refusal;

  const inputFile = 'file' in creation.input ? creation.input.file : null;
  const content =
    'file' in creation.input
      ? await contentOf(store, creation.input.file)
      : Buffer.from(creation.input.lines);
  if (content === null) return missingFile(inputFile ?? '', store.switches);
  const lines = inputLines(content);
  const { fault, fates } = checkInput(lines, kind);
  if (fault !== null && store.switches.inputChecked === 'at-creation') return invalid(fault);
  const batch: KeptBatch = {
    id: await store.batches.newId(),
    createdAt: store.clock.now().toISOString(),
    cancelRequestedAt: null,
    pace: store.pace,
    requestCount: lines.length,
    fates,
    kind,
    model,
    displayName: creation.displayName,
    inputFile,
    fault,
    webhookUris: creation.webhookUris,
    webhookSent: false,
    resultsDeleted: false,
  };
  await store.batches.add(batch.id, batch, content);
  return json(await operationOf(store, batch));
};

const contentOf = async (store: Store, name: string): Promise<Buffer | null> => {
  const file = await fileAt(store, name.replace(/^files\//, ''));
  return file === null ? null : store.files.content(file.id);
};

const tooMany = async (store: Store): Promise<EmulatorAnswer | null> => {
  const most = store.switches.concurrentJobsMax;
  if (most === 'none') return null;
  const now = store.clock.now();
  const running = (await store.batches.all()).filter((batch) => !isOver(lifeAt(batch, now)));
  return running.length < Number(most)
    ? null
    : refuse(429, 'RESOURCE_EXHAUSTED', `At most ${most} batch jobs can run at once.`);
};

const list = async (store: Store, { query }: EmulatorRequest): Promise<EmulatorAnswer> => {
  const all = await store.batches.all();
  const batches = store.switches.listOrder === 'oldest-first' ? all : all.toReversed();
  const page = pageOf(batches, query, { sizeDefault: 50, sizeMax: 100 });
  if (page === null) return invalid('The page token is not valid.');
  const { items, nextPageToken } = page;
  const operations = await Promise.all(items.map((batch) => operationOf(store, batch)));
  return json({
    ...(operations.length === 0 ? {} : { operations }),
    ...(nextPageToken === null ? {} : { nextPageToken }),
  });
};

const cancel = async (store: Store, id: string): Promise<EmulatorAnswer> => {
  const batch = await store.batches.meta(id);
  if (batch === null) return notFound();
  if (isOver(lifeAt(batch, store.clock.now()))) {
    if (store.switches.cancelWhenOver === 'answered') return json({});
    const message = `A batch in state ${stateOf(store, batch)} cannot be cancelled.`;
    return refuse(400, 'FAILED_PRECONDITION', message);
  }
  const cancelRequestedAt = batch.cancelRequestedAt ?? store.clock.now().toISOString();
  await store.batches.change(id, (kept) => ({ ...kept, cancelRequestedAt }));
  return json({});
};
