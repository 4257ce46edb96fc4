/**
 * Uploads: one form with the file in it, or, where the service's quirks say so, a form that is answered by a redirect
 * to where the bytes are then put. That place needs no key, as a signed URL does not.
 */
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { inputObject } from './emulator-file-object.ts';
import { readForm } from './emulator-multipart.ts';
import type { KeptFile, Store } from './emulator-store.ts';
import { json, pathAt, refuse } from './emulator-wire.ts';

/** The routes by which a file comes. */
export function uploadRoutes(store: Store): EmulatorRoute[] {
  const { uploadPath, uploadIdHeader } = store.service.quirks;
  const path = pathAt(store.service, uploadPath);
  if (uploadIdHeader === null) {
    return [{ operation: 'upload', method: 'POST', path, handle: (request) => takeForm(store, request) }];
  }
  return [
    {
      operation: 'describe',
      method: 'POST',
      path,
      handle: (request) => describe(store, request, uploadIdHeader),
    },
    {
      operation: 'upload',
      method: 'PUT',
      path: /^\/put\/([^/]+)$/,
      handle: (request) => takeBytes(store, request),
    },
  ];
}

/** How much larger than its file an upload may be, for the form around it. */
const formBytesMax = 1_000_000;

const takeForm = async (store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const { limits, quirks } = store.service;
  const body = await readBody(request, limits.bytesMax + formBytesMax);
  if (body === null) return tooLarge(store);
  const parts = readForm(request.headers['content-type'] ?? '', body);
  if (parts === null) return refuse(400, 'Could not parse multipart form.');
  const file = parts.find(({ name }) => name === 'file');
  const fields = parts.map(({ name, data }) => [name, name === 'file' ? '' : data.toString('utf8')] as const);
  const refusal = refusedFields(store, new Map(fields), [
    'file',
    'expires_after[anchor]',
    'expires_after[seconds]',
  ]);
  if (refusal !== null) return refusal;
  if (file === undefined) return refuse(400, "Missing required parameter: 'file'.", { param: 'file' });
  if (file.data.length > limits.bytesMax) return tooLarge(store);
  const named = quirks.fileNameField === null ? file.filename : new Map(fields).get(quirks.fileNameField);
  const kept: KeptFile = {
    id: await store.files.newId(),
    filename: named ?? 'upload.jsonl',
    bytes: file.data.length,
    createdAt: store.clock.now().toISOString(),
    isAwaited: false,
  };
  await store.files.add(kept.id, kept, file.data);
  return json(inputObject(store, kept));
};

const describe = async (
  store: Store,
  request: EmulatorRequest,
  idHeader: string,
): Promise<EmulatorAnswer> => {
  const nameField = store.service.quirks.fileNameField ?? 'file_name';
  const fields = new Map(new URLSearchParams(await request.text()));
  const refusal = refusedFields(store, fields, ['file_type', nameField]);
  if (refusal !== null) return refusal;
  const filename = fields.get(nameField) ?? '';
  if (filename === '') return missing(nameField);
  const id = await store.files.newId();
  const createdAt = store.clock.now().toISOString();
  await store.files.add(id, { id, filename, bytes: 0, createdAt, isAwaited: true }, Buffer.alloc(0));
  return { status: 302, headers: { location: `${request.origin}/put/${id}`, [idHeader]: id }, body: '' };
};

const takeBytes = async (store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const [id = ''] = request.params;
  const kept = await store.files.meta(id);
  if (kept === null || kept.isAwaited !== true) return refuse(403, 'No file is awaited here.');
  const body = await readBody(request, store.service.limits.bytesMax);
  if (body === null) return tooLarge(store);
  await store.files.add(id, { ...kept, bytes: body.length, isAwaited: false }, body);
  return { status: 200, body: '' };
};

/** What the service says against the fields of a form; null where it takes them. */
const refusedFields = (
  { service: { quirks } }: Store,
  fields: ReadonlyMap<string, string>,
  others: readonly string[],
): EmulatorAnswer | null => {
  const known = ['purpose', quirks.fileNameField, ...others];
  const unknown = [...fields.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) {
    return refuse(400, `Unknown parameter: '${unknown}'.`, { code: 'unknown_parameter', param: unknown });
  }
  const purpose = fields.get('purpose') ?? '';
  if (purpose !== quirks.purpose) {
    return refuse(400, `'${purpose}' is not one of ['${quirks.purpose}'].`, { param: 'purpose' });
  }
  const { fileNameField: nameField } = quirks;
  return nameField !== null && !fields.get(nameField) ? missing(nameField) : null;
};

const missing = (param: string): EmulatorAnswer =>
  refuse(400, `Missing required parameter: '${param}'.`, { param });

const tooLarge = ({ service: { limits } }: Store): EmulatorAnswer =>
  refuse(413, `The file is larger than the ${limits.bytesMax} bytes that a batch may have.`);

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
