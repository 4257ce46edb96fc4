/**
 * The resumable upload: one call begins and is told an address, the next ones bring the bytes there, the last of them
 * finalizes. What the address is for stands in its `upload_id`.
 */
import { createHash, randomBytes } from 'node:crypto';
import { isJsonObject } from '../../domain/json-line.ts';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { fileObject } from './emulator-files.ts';
import type { KeptFile, Store, UploadSession } from './emulator-store.ts';
import { field, invalid, json, notFound, parseObject, unknownField } from './emulator-wire.ts';

/** The one route of `/upload`; its operations are `start_upload` and `upload`. */
export function uploadRoute(store: Store): EmulatorRoute {
  return {
    operation: async ({ query }) => (query.has('upload_id') ? 'upload' : 'start_upload'),
    method: 'POST',
    path: /^\/upload\/v1(?:beta)?\/files$/,
    handle: (request) => (request.query.has('upload_id') ? takeBytes(store, request) : begin(store, request)),
  };
}

/** The largest file that the vendor takes. */
const fileBytesMax = 2_000_000_000;
/** Every piece but the last is a multiple of it. */
const granularity = 256 * 1024;

const begin = async (store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const { headers, origin, path } = request;
  if (headers['x-goog-upload-protocol'] !== 'resumable') return invalid('The upload protocol is not known.');
  if (headers['x-goog-upload-command'] !== 'start') return invalid('An upload begins with start.');
  const bytes = Number(headers['x-goog-upload-header-content-length']);
  const mimeType = headers['x-goog-upload-header-content-type'];
  if (!Number.isInteger(bytes) || bytes <= 0) return invalid('The length of the file is missing.');
  if (bytes > fileBytesMax) return invalid('The file is larger than 2 GB.');
  if (typeof mimeType !== 'string' || mimeType === '') return invalid('The type of the file is missing.');
  const body = parseObject((await request.text()) || '{}');
  if (body === null) return invalid('Invalid JSON payload received.');
  const file = field(body, 'file') ?? {};
  if (!isJsonObject(file)) return invalid('Invalid value at file.');
  const refusal = unknownField(body, ['file'], '') ?? unknownField(file, fileFields, 'file');
  if (refusal !== null) return refusal;
  const displayName = field(file, 'displayName');
  const id = randomBytes(16).toString('hex');
  store.uploads.set(id, {
    displayName: typeof displayName === 'string' ? displayName : null,
    mimeType,
    bytes,
    pieces: [],
  });
  return {
    status: 200,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'x-goog-upload-status': 'active',
      'x-goog-upload-chunk-granularity': String(granularity),
      'x-goog-upload-url': `${origin}${path}?upload_id=${id}&upload_protocol=resumable`,
    },
    body: '',
  };
};

/** A name of one's own choosing is left out here. */
const fileFields = ['displayName', 'mimeType', 'sizeBytes'];

const takeBytes = async (store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const { headers, query, stream } = request;
  const id = query.get('upload_id') ?? '';
  const session = store.uploads.get(id);
  if (session === undefined) return notFound();
  const commands = String(headers['x-goog-upload-command'] ?? '').split(/,\s*/);
  const finalizes = commands.includes('finalize');
  if (!commands.every((command) => command === 'upload' || command === 'finalize')) {
    return invalid('The upload command is not known.');
  }
  const received = lengthOf(session);
  if (Number(headers['x-goog-upload-offset']) !== received) {
    return invalid(`The offset is not ${received}, which is how many bytes have come.`);
  }
  const piece: Buffer[] = [];
  let bytes = received;
  for await (const part of stream as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > session.bytes) return invalid('More bytes came than were announced.');
    piece.push(part);
  }
  if (!finalizes && (bytes - received) % granularity !== 0) {
    return invalid(`A piece has to be a multiple of ${granularity} bytes.`);
  }
  if (finalizes && bytes !== session.bytes) return invalid('Fewer bytes came than were announced.');
  session.pieces.push(...piece);
  if (!finalizes) return json({}, { 'x-goog-upload-status': 'active' });
  store.uploads.delete(id);
  const file = await keep(store, session);
  return json({ file: fileObject(file, request.origin) }, { 'x-goog-upload-status': 'final' });
};

const keep = async (store: Store, { displayName, mimeType, pieces }: UploadSession): Promise<KeptFile> => {
  const data = Buffer.concat(pieces);
  const file: KeptFile = {
    id: await store.files.newId(),
    displayName,
    mimeType,
    bytes: data.length,
    sha256: createHash('sha256').update(data).digest('base64'),
    createdAt: store.clock.now().toISOString(),
  };
  await store.files.add(file.id, file, data);
  return file;
};

const lengthOf = ({ pieces }: UploadSession): number => pieces.reduce((sum, { length }) => sum + length, 0);
