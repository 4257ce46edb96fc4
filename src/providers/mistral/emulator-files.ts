/**
 * The files endpoints, as far as batch jobs need them: upload, content, delete. Input files are kept; the files that
 * a job leaves are computed from the job whenever somebody asks.
 */
import { isOver, lifeAt } from '../emulator/life.ts';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { hasOutput, outputId, outputLines, outputNamed } from './emulator-lines.ts';
import type { KeptFile, Store } from './emulator-store.ts';
import { invalid, json, refuse } from './emulator-wire.ts';

/** The largest file that the vendor takes. */
const fileBytesMax = 512_000_000;
/** How much of an upload is read before it is refused: the file, and room for the form around it. */
const uploadBytesMax = fileBytesMax + 1_000_000;

/** The routes under `/v1/files`. */
export function fileRoutes(store: Store): EmulatorRoute[] {
  return [
    {
      operation: 'upload',
      method: 'POST',
      path: /^\/v1\/files$/,
      handle: (request) => upload(store, request),
    },
    {
      operation: 'content',
      method: 'GET',
      path: /^\/v1\/files\/([^/]+)\/content$/,
      handle: ({ params: [id = ''] }) => content(store, id),
    },
    {
      operation: 'delete_file',
      method: 'DELETE',
      path: /^\/v1\/files\/([^/]+)$/,
      handle: ({ params: [id = ''] }) => remove(store, id),
    },
  ];
}

/** The ids of all files, those that jobs have left included. */
export const keptFiles = async (store: Store): Promise<string[]> => {
  const inputs = (await store.files.all()).map(({ id }) => id);
  const ids = (await store.batches.all()).flatMap(({ id }) => outputKinds.map((kind) => outputId(id, kind)));
  const opened = await Promise.all(ids.map((id) => openOutput(store, id)));
  return [...inputs, ...ids.filter((_id, index) => opened[index] !== null)];
};

const outputKinds = ['output', 'error'] as const;

const upload = async (store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const form = await readForm(request);
  if (form === 'too-large') return refuse(413, 'The file is larger than 512 MB.');
  if (form === null) return invalid(['body'], 'There was an error parsing the body');
  const file = form.get('file');
  if (!(file instanceof File)) return invalid(['body', 'file'], 'Field required');
  if (form.get('purpose') !== 'batch') return invalid(['body', 'purpose'], "Input should be 'batch'");
  if (file.size > fileBytesMax) return refuse(413, 'The file is larger than 512 MB.');
  const data = await file.bytes();
  const kept: KeptFile = {
    id: await store.files.newId(),
    filename: file.name,
    bytes: data.length,
    createdAt: store.clock.now().toISOString(),
  };
  await store.files.add(kept.id, kept, data);
  return json({
    id: kept.id,
    object: 'file',
    bytes: kept.bytes,
    created_at: Math.floor(Date.parse(kept.createdAt) / 1000),
    filename: kept.filename,
    purpose: 'batch',
    sample_type: 'batch_request',
    source: 'upload',
  });
};

/** The form that the request carries; null where it carries none. */
const readForm = async ({ headers, stream }: EmulatorRequest): Promise<FormData | 'too-large' | null> => {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > uploadBytesMax) return 'too-large';
    pieces.push(piece);
  }
  const init = { headers: { 'content-type': headers['content-type'] ?? '' } };
  return new Response(new Blob(pieces as Buffer<ArrayBuffer>[]), init).formData().catch(() => null);
};

const content = async (store: Store, id: string): Promise<EmulatorAnswer> => {
  const headers = { 'content-type': 'application/octet-stream' };
  const input = await store.files.content(id);
  if (input !== null) return { status: 200, headers, body: input.toString('utf8') };
  const lines = await openOutput(store, id);
  return lines === null ? unknownFile : { status: 200, headers, body: inPieces(lines) };
};

const remove = async (store: Store, id: string): Promise<EmulatorAnswer> => {
  const deleted = json({ id, object: 'file', deleted: true });
  if (await store.files.remove(id)) return deleted;
  const output = outputNamed(id);
  if (output === null || (await openOutput(store, id)) === null) return unknownFile;
  await store.batches.change(output.batchId, (batch) => ({
    ...batch,
    deleted: [...batch.deleted, output.kind],
  }));
  return deleted;
};

/** The lines of the output file with that id; null where there is no such file now. */
const openOutput = async (store: Store, id: string): Promise<Iterable<string> | null> => {
  const { clock, switches, batches } = store;
  const { batchId = '', kind = 'output' } = outputNamed(id) ?? {};
  const batch = await batches.meta(batchId);
  const now = clock.now();
  if (batch === null || !hasOutput(batch, kind, now, switches)) return null;
  const input = await batches.content(batchId);
  const life = lifeAt(batch, now);
  const endedAt = isOver(life) ? life.endedAt : null;
  return input && endedAt && outputLines(batch, input, kind, { endedAt, switches });
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

const unknownFile: EmulatorAnswer = { status: 404, body: JSON.stringify({ detail: 'File not found' }) };
