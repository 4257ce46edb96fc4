/** The emulated vendor's files, as far as batches need them: upload, retrieve, content, delete. */
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import type { KeptFile, Store } from './emulator-store.ts';
import { invalid, json, Refusal } from './emulator-wire.ts';

const fileBytesMax = 200_000_000;
/** How long a file may be asked to stay, in seconds. */
const stay = { least: 3_600, most: 2_592_000 };

/** The routes under `/v1/files`. */
export function fileRoutes(store: Store): EmulatorRoute[] {
  const one = /^\/v1\/files\/([^/]+)$/;
  return [
    {
      operation: 'upload',
      method: 'POST',
      path: /^\/v1\/files$/,
      handle: (request) => upload(store, request),
    },
    {
      operation: 'retrieve_file',
      method: 'GET',
      path: one,
      handle: async (request) => json(fileObject(await keptFile(store, request))),
    },
    {
      operation: 'content',
      method: 'GET',
      path: /^\/v1\/files\/([^/]+)\/content$/,
      handle: async (request) => {
        const { id } = await keptFile(store, request);
        const content = await store.files.content(id);
        const headers = { 'content-type': 'application/octet-stream' };
        return { status: 200, headers, body: content?.toString('utf8') ?? '' };
      },
    },
    {
      operation: 'delete_file',
      method: 'DELETE',
      path: one,
      handle: async (request) => {
        const { id } = await keptFile(store, request);
        await store.files.remove(id);
        return json({ id, object: 'file', deleted: true });
      },
    },
  ];
}

const keptFile = async (store: Store, { params: [id = ''] }: EmulatorRequest): Promise<KeptFile> => {
  const file = await store.files.meta(id);
  const isGone = file?.expiresAt != null && Date.parse(file.expiresAt) <= store.clock.now().getTime();
  if (file === null || isGone) throw new Refusal(404, `File ${id} not found`);
  return file;
};

const upload = async (store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const form = await readForm(request);
  if (form === null) throw invalid('The body is no form.');
  const names = [...form.keys()];
  const file = form.get('file');
  if (!(file instanceof File)) throw invalid('A file is required.');
  // The vendor reads a form as it comes, and has made up its mind when the file does.
  if (names.indexOf('expires_after') > names.indexOf('file'))
    throw invalid('expires_after must come before the file.');
  if (file.size > fileBytesMax) throw new Refusal(413, 'The file is larger than 200 MB.');
  const createdAt = store.clock.now();
  const purpose = form.get('purpose');
  const kept: KeptFile = {
    id: await store.files.newId(),
    filename: file.name,
    purpose: typeof purpose === 'string' ? purpose : '',
    bytes: file.size,
    createdAt: createdAt.toISOString(),
    expiresAt: expiryIn(form.get('expires_after'), createdAt),
  };
  await store.files.add(kept.id, kept, await file.bytes());
  return json(fileObject(kept));
};

const expiryIn = (told: unknown, createdAt: Date): string | null => {
  if (told === null) return null;
  const seconds = Number(told);
  if (!Number.isInteger(seconds) || seconds < stay.least || seconds > stay.most)
    throw invalid(`expires_after must be between ${stay.least} and ${stay.most}`);
  return new Date(createdAt.getTime() + seconds * 1000).toISOString();
};

/** The form that the request carries; null where it carries none. */
const readForm = async ({ headers, stream }: EmulatorRequest): Promise<FormData | null> => {
  const pieces: Buffer[] = [];
  for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece);
  const init = { headers: { 'content-type': headers['content-type'] ?? '' } };
  return new Response(new Blob(pieces as Buffer<ArrayBuffer>[]), init).formData().catch(() => null);
};

const fileObject = ({ id, bytes, filename, purpose, createdAt, expiresAt }: KeptFile) => ({
  id,
  object: 'file',
  bytes,
  created_at: seconds(createdAt),
  expires_at: expiresAt === null ? null : seconds(expiresAt),
  filename,
  purpose,
});

const seconds = (time: string): number => Math.floor(Date.parse(time) / 1000);
