/**
 * The Files endpoints: list, retrieve, content, delete. Input files are kept (`emulator-upload.ts`); the files that a
 * batch leaves are computed from the batch whenever somebody asks.
 */
import { lifeAt } from '../emulator/life.ts';
import type { EmulatorAnswer, EmulatorRoute } from '../emulator/server.ts';
import { type FileObject, inputObject } from './emulator-file-object.ts';
import { hasOutput, outputId, outputLines, outputNamed } from './emulator-lines.ts';
import { inListOrder, type OutputKind, type Store } from './emulator-store.ts';
import { json, pathAt, refuse } from './emulator-wire.ts';

/** The routes under `/files`, but for the upload. */
export function fileRoutes(store: Store): EmulatorRoute[] {
  const at = (path: string): RegExp => pathAt(store.service, path);
  return [
    {
      operation: 'list_files',
      method: 'GET',
      path: at('/files'),
      handle: ({ query }) => list(store, query),
    },
    {
      operation: 'retrieve_file',
      method: 'GET',
      path: at('/files/([^/]+)'),
      handle: async ({ params: [id = ''] }) => {
        const file = await find(store, id);
        return file === null ? unknownFile(id) : json(file);
      },
    },
    {
      operation: 'content',
      method: 'GET',
      path: at('/files/([^/]+)/content'),
      handle: ({ params: [id = ''] }) => content(store, id),
    },
    {
      operation: 'delete_file',
      method: 'DELETE',
      path: at('/files/([^/]+)'),
      handle: ({ params: [id = ''] }) => remove(store, id),
    },
  ];
}

/** The ids of all files, those that batches have left included. */
export const keptFiles = async (store: Store): Promise<string[]> => {
  const inputs = await store.files.all();
  return [...inputs, ...(await outputs(store))].map(({ id }) => id);
};

const list = async (store: Store, query: URLSearchParams): Promise<EmulatorAnswer> => {
  const inputs = (await store.files.all()).map((file) => inputObject(store, file));
  const { list: shape, purpose: batchPurpose } = store.service.quirks;
  if (shape !== 'pages') {
    const data = inListOrder(store, [...inputs, ...(await outputs(store))]);
    return json(shape === 'array' ? { data } : { object: 'list', data });
  }
  const limit = Number(query.get('limit') ?? 10_000);
  if (!Number.isInteger(limit) || limit < 1 || limit > 10_000) {
    return refuse(400, "'limit' must be between 1 and 10000.", { param: 'limit' });
  }
  const purpose = query.get('purpose');
  const oldestFirst = purpose === batchPurpose ? inputs : [...inputs, ...(await outputs(store))];
  const ordered = query.get('order') === 'asc' ? oldestFirst : inListOrder(store, oldestFirst);
  const matching = ordered.filter((file) => purpose === null || file.purpose === purpose);
  const after = query.get('after');
  const from = after === null ? 0 : matching.findIndex(({ id }) => id === after) + 1;
  const data = matching.slice(from, from + limit);
  return json({
    object: 'list',
    data,
    first_id: data.at(0)?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: from + limit < matching.length,
  });
};

const content = async (store: Store, id: string): Promise<EmulatorAnswer> => {
  const headers = { 'content-type': 'application/octet-stream' };
  const input = await store.files.content(id);
  if (input !== null) return { status: 200, headers, body: input.toString('utf8') };
  const output = await openOutput(store, id);
  return output === null ? unknownFile(id) : { status: 200, headers, body: inPieces(output.lines) };
};

const remove = async (store: Store, id: string): Promise<EmulatorAnswer> => {
  const deleted = json({ id, object: 'file', deleted: true });
  if (await store.files.remove(id)) return deleted;
  const output = outputNamed(id);
  if (output === null || (await openOutput(store, id)) === null) return unknownFile(id);
  await store.batches.change(output.batchId, (batch) => ({
    ...batch,
    deleted: [...batch.deleted, output.kind],
  }));
  return deleted;
};

const find = async (store: Store, id: string): Promise<FileObject | null> => {
  const input = await store.files.meta(id);
  if (input !== null) return inputObject(store, input);
  return outputNamed(id) === null ? null : outputObject(store, id);
};

const outputKinds: readonly OutputKind[] = ['output', 'error'];

const outputs = async (store: Store): Promise<FileObject[]> => {
  const batches = await store.batches.all();
  const ids = batches.flatMap((batch) => outputKinds.map((kind) => outputId(batch.id, kind)));
  const objects = await Promise.all(ids.map((id) => outputObject(store, id)));
  return objects.filter((object) => object !== null);
};

const outputObject = async (store: Store, id: string): Promise<FileObject | null> => {
  const output = await openOutput(store, id);
  if (output === null) return null;
  let bytes = 0;
  for (const line of output.lines) bytes += Buffer.byteLength(line);
  return {
    id,
    object: 'file',
    bytes,
    created_at: Math.floor(output.writtenAt.getTime() / 1000),
    filename: `${id}.jsonl`,
    purpose: 'batch_output',
    status: 'processed',
  };
};

/** An output file: its lines, made as they are read, and when it was written. */
interface Output {
  readonly lines: Iterable<string>;
  readonly writtenAt: Date;
}

/** The output file with that id; null where there is no such file now. */
const openOutput = async (store: Store, id: string): Promise<Output | null> => {
  const { batchId = '', kind = 'output' } = outputNamed(id) ?? {};
  const batch = await store.batches.meta(batchId);
  const now = store.clock.now();
  if (batch === null || !hasOutput(store, batch, kind)) return null;
  const input = await store.batches.content(batchId);
  const writtenAt = lifeAt(batch, now).endedAt ?? now;
  return input === null ? null : { lines: outputLines(store, batch, input, kind, writtenAt), writtenAt };
};

const pieceCharacters = 64 * 1024;

/** Lines gathered into pieces that are worth a write. */
async function* inPieces(lines: Iterable<string>): AsyncGenerator<string> {
  let piece = '';
  for (const line of lines) {
    piece += line;
    if (piece.length < pieceCharacters) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

const unknownFile = (id: string): EmulatorAnswer =>
  refuse(404, `No such File object: ${id}`, { param: 'id' });
