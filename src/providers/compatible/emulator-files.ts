/**
 * The Files endpoints: upload, list, retrieve, content, delete. Input files are kept; the files that a batch
 * leaves are computed from the batch whenever somebody asks. Times of files are Unix seconds whatever the quirks.
 */
import { lifeAt } from '../emulator/life.ts';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { hasOutput, outputId, outputLines, outputNamed } from './emulator-lines.ts';
import { type FormPart, readForm } from './emulator-multipart.ts';
import { inListOrder, type KeptFile, type OutputKind, type Store } from './emulator-store.ts';
import { json, pathAt, refuse } from './emulator-wire.ts';

/** How much larger than its file an upload may be, for the form around it. */
const formBytesMax = 1_000_000;

/** The routes under `/files`. */
export function fileRoutes(store: Store): EmulatorRoute[] {
  const at = (path: string): RegExp => pathAt(store.service, path);
  return [
    {
      operation: 'upload',
      method: 'POST',
      path: at(store.service.quirks.uploadPath),
      handle: (request) => upload(store, request),
    },
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

/** The vendor's file object. */
interface FileObject {
  readonly id: string;
  readonly object: 'file';
  readonly bytes: number;
  readonly created_at: number;
  readonly filename: string;
  readonly purpose: string;
  readonly status: string;
}

const upload = async (store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const { limits, quirks } = store.service;
  const tooLarge = refuse(413, `The file is larger than the ${limits.bytesMax} bytes that a batch may have.`);
  const body = await readBody(request, limits.bytesMax + formBytesMax);
  if (body === null) return tooLarge;
  const parts = readForm(request.headers['content-type'] ?? '', body);
  if (parts === null) return refuse(400, 'Could not parse multipart form.');
  const unknown = parts.find(({ name }) => !formFields.test(name) && name !== quirks.fileNameField);
  if (unknown !== undefined) {
    return refuse(400, `Unknown parameter: '${unknown.name}'.`, {
      code: 'unknown_parameter',
      param: unknown.name,
    });
  }
  const file = parts.find(({ name }) => name === 'file');
  if (file === undefined) return refuse(400, "Missing required parameter: 'file'.", { param: 'file' });
  const purpose = field(parts, 'purpose');
  if (purpose !== quirks.purpose) {
    return refuse(400, `'${purpose}' is not one of ['${quirks.purpose}'].`, { param: 'purpose' });
  }
  const filename = quirks.fileNameField === null ? file.filename : field(parts, quirks.fileNameField);
  if (filename === '') {
    return refuse(400, `Missing required parameter: '${quirks.fileNameField}'.`, {
      param: quirks.fileNameField,
    });
  }
  if (file.data.length > limits.bytesMax) return tooLarge;
  const kept: KeptFile = {
    id: await store.files.newId(),
    filename: filename ?? 'upload.jsonl',
    bytes: file.data.length,
    createdAt: store.clock.now().toISOString(),
  };
  await store.files.add(kept.id, kept, file.data);
  return json(inputObject(store, kept));
};

const formFields = /^(?:file|purpose|expires_after\[(?:anchor|seconds)\])$/;

const field = (parts: readonly FormPart[], name: string): string =>
  parts.find((part) => part.name === name)?.data.toString('utf8') ?? '';

const readBody = async ({ stream }: EmulatorRequest, bytesMax: number): Promise<Buffer | null> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > bytesMax) return null;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
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

const inputObject = (store: Store, { id, bytes, createdAt, filename }: KeptFile): FileObject => ({
  id,
  object: 'file',
  bytes,
  created_at: Math.floor(Date.parse(createdAt) / 1000),
  filename,
  purpose: store.service.quirks.purpose,
  status: 'processed',
});

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
  if (batch === null || !hasOutput(batch, kind, now)) return null;
  const input = await store.batches.content(batchId);
  const writtenAt = lifeAt(batch, now).endedAt ?? now;
  return input === null ? null : { lines: outputLines(batch, input, kind, writtenAt), writtenAt };
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
