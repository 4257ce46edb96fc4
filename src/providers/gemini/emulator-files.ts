/**
 * The files endpoints beside the upload: get, list, delete, download. Uploaded files are kept for two days and cannot
 * be downloaded; the file that a job leaves is computed from the job whenever somebody asks.
 */
import type { JsonObject } from '../../domain/json-line.ts';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { outputId, outputLines, outputNamed, resultsAt } from './emulator-lines.ts';
import { pageOf } from './emulator-list.ts';
import type { KeptFile, Store } from './emulator-store.ts';
import { invalid, json, missingFile, timeOf } from './emulator-wire.ts';

/** How long the vendor keeps an uploaded file. */
const fileHours = 48;

/** The routes of files, but for the upload. */
export function fileRoutes(store: Store): EmulatorRoute[] {
  return [
    {
      operation: 'list_files',
      method: 'GET',
      path: /^\/v1(?:beta)?\/files$/,
      handle: (request) => list(store, request),
    },
    {
      operation: 'download',
      method: 'GET',
      // The guide and the SDK differ in where a file is downloaded.
      path: /^(?:\/download)?\/v1(?:beta)?\/files\/([^/:]+):download$/,
      handle: (request) => download(store, request),
    },
    {
      operation: 'get_file',
      method: 'GET',
      path: /^\/v1(?:beta)?\/files\/([^/:]+)$/,
      handle: async ({ params: [id = ''], origin }) => {
        const file = await fileAt(store, id);
        return file === null ? missingFile(id, store.switches) : json(fileObject(file, origin));
      },
    },
    {
      operation: 'delete_file',
      method: 'DELETE',
      path: /^\/v1(?:beta)?\/files\/([^/:]+)$/,
      handle: ({ params: [id = ''] }) => remove(store, id),
    },
  ];
}

/** The uploaded file with that id; null where there is none, or no longer. */
export async function fileAt(store: Store, id: string): Promise<KeptFile | null> {
  const file = await store.files.meta(id);
  return file !== null && expiryOf(file) > store.clock.now() ? file : null;
}

/** The names of all files that are not over, those that jobs have left included. */
export async function keptFiles(store: Store): Promise<string[]> {
  const now = store.clock.now();
  const uploaded = (await store.files.all()).filter((file) => expiryOf(file) > now).map(({ id }) => id);
  const left = (await store.batches.all()).filter((batch) => resultsAt(batch, store) !== null);
  return [...uploaded, ...left.map(({ id }) => outputId(id))].map((id) => `files/${id}`);
}

/** The vendor's file object. */
export const fileObject = (file: KeptFile, origin: string): JsonObject => ({
  name: `files/${file.id}`,
  ...(file.displayName === null ? {} : { displayName: file.displayName }),
  mimeType: file.mimeType,
  sizeBytes: String(file.bytes),
  createTime: timeOf(new Date(file.createdAt)),
  updateTime: timeOf(new Date(file.createdAt)),
  expirationTime: timeOf(expiryOf(file)),
  sha256Hash: file.sha256,
  uri: `${origin}/v1beta/files/${file.id}`,
  state: 'ACTIVE',
  source: 'UPLOADED',
});

const expiryOf = ({ createdAt }: KeptFile): Date =>
  new Date(Date.parse(createdAt) + fileHours * 60 * 60 * 1000);

const list = async (store: Store, { query, origin }: EmulatorRequest): Promise<EmulatorAnswer> => {
  const now = store.clock.now();
  const files = (await store.files.all()).filter((file) => expiryOf(file) > now).toReversed();
  const page = pageOf(files, query, { sizeDefault: 10, sizeMax: 100 });
  if (page === null) return invalid('The page token is not valid.');
  const { items, nextPageToken } = page;
  return json({
    ...(items.length === 0 ? {} : { files: items.map((file) => fileObject(file, origin)) }),
    ...(nextPageToken === null ? {} : { nextPageToken }),
  });
};

const download = async (
  store: Store,
  { params: [id = ''], query }: EmulatorRequest,
): Promise<EmulatorAnswer> => {
  if (query.get('alt') !== 'media') return invalid('A file is downloaded with alt=media.');
  if ((await fileAt(store, id)) !== null) return invalid('Only generated files can be downloaded.');
  const batch = await store.batches.meta(outputNamed(id) ?? '');
  const results = batch && resultsAt(batch, store);
  const input = results && (await store.batches.content(results.batch.id));
  if (!results || !input) return missingFile(id, store.switches);
  const headers = { 'content-type': 'application/octet-stream' };
  return { status: 200, headers, body: inPieces(outputLines(results, input, store.switches)) };
};

const remove = async (store: Store, id: string): Promise<EmulatorAnswer> => {
  if ((await fileAt(store, id)) !== null && (await store.files.remove(id))) return json({});
  const batch = await store.batches.meta(outputNamed(id) ?? '');
  if (batch === null || resultsAt(batch, store) === null) return missingFile(id, store.switches);
  if (store.switches.resultsDeletion === 'refused') {
    return invalid(
      "* DeleteFileRequest.name: File ID (name excluding 'files/') cannot be more than 40 characters.",
    );
  }
  await store.batches.change(batch.id, (kept) => ({ ...kept, resultsDeleted: true }));
  return json({});
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
