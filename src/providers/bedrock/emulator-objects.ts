/**
 * The calls of S3 on one object: put, get, head, delete. What was put is kept; what a job leaves is made whenever
 * somebody asks, and hidden by an object that was put under its key.
 */
import { createHash } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { type OutputObject, outputBytes, outputLines, outputsOf } from './emulator-outputs.ts';
import { findObject, type KeptObject, type Store } from './emulator-store.ts';
import { readUpload } from './emulator-upload.ts';
import { account, refuseS3 } from './emulator-wire.ts';

/** The routes of objects below the path of S3. */
export function objectRoutes(store: Store): EmulatorRoute[] {
  const path = /^\/s3\/([^/]+)\/(.+)$/;
  const route = (
    operation: string,
    method: string,
    handle: (key: string, request: EmulatorRequest) => Promise<EmulatorAnswer>,
  ): EmulatorRoute => ({
    operation,
    method,
    path,
    handle(request) {
      const [bucket, key = ''] = request.params;
      return bucket === account.bucket ? handle(decodeURIComponent(key), request) : noBucket;
    },
  });
  return [
    route('put_object', 'PUT', (key, request) => put(store, key, request)),
    route('get_object', 'GET', (key, request) => get(store, key, request)),
    route('head_object', 'HEAD', (key) => head(store, key)),
    route('delete_object', 'DELETE', (key) => remove(store, key)),
  ];
}

/** The keys of all objects, those that jobs have left included. */
export async function keptObjects(store: Store): Promise<string[]> {
  const jobs = await store.jobs.all();
  return [...(await store.objects.all()), ...jobs.flatMap((job) => outputsOf(store, job))].map(
    ({ key }) => key,
  );
}

/** The vendor's answer to a call on a bucket that does not exist. */
export const noBucket = refuseS3(404, 'NoSuchBucket', 'The specified bucket does not exist');
const noKey = refuseS3(404, 'NoSuchKey', 'The specified key does not exist.');

/** An object of either origin. */
export interface FoundObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
  readonly contentType: string;
}

/** What is told of an object that somebody has put. */
export const putObject = ({ key, bytes, createdAt, contentType }: KeptObject): FoundObject => ({
  key,
  bytes,
  modifiedAt: new Date(createdAt),
  contentType,
});

/** What is told of an object that a job has left. */
export const leftObject = async (store: Store, output: OutputObject): Promise<FoundObject> => ({
  key: output.key,
  bytes: await outputBytes(store, output),
  modifiedAt: output.state.endedAt ?? output.state.at,
  contentType: 'application/json',
});

/** S3's name for a content; here it follows from what is told of the object. */
export const etagOf = ({ key, bytes, modifiedAt }: FoundObject): string =>
  `"${createHash('md5').update(`${key}\n${bytes}\n${modifiedAt.toISOString()}`).digest('hex')}"`;

const put = async (store: Store, key: string, request: EmulatorRequest): Promise<EmulatorAnswer> => {
  const upload = await readUpload(request);
  if ('refusal' in upload) return upload.refusal;
  const before = await findObject(store, key);
  if (
    request.headers['if-none-match'] === '*' &&
    (before !== null || (await findLeft(store, key)) !== null)
  ) {
    return refuseS3(
      412,
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold',
    );
  }
  const object: KeptObject = {
    id: await store.objects.newId(),
    key,
    bytes: upload.content.length,
    contentType: request.headers['content-type'] ?? 'application/octet-stream',
    createdAt: store.clock.now().toISOString(),
  };
  await store.objects.add(object.id, object, upload.content);
  if (before !== null) await store.objects.remove(before.id);
  return { status: 200, headers: { etag: etagOf(putObject(object)) }, body: '' };
};

const head = async (store: Store, key: string): Promise<EmulatorAnswer> => {
  const opened = await open(store, key);
  if (opened === null) return { status: 404, body: '' };
  const { object } = opened;
  return {
    status: 200,
    headers: { ...headersOf(object), 'content-length': String(object.bytes) },
    body: none(),
  };
};

const get = async (store: Store, key: string, { headers }: EmulatorRequest): Promise<EmulatorAnswer> => {
  const opened = await open(store, key);
  if (opened === null) return noKey;
  const { object, pieces } = opened;
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  if (start === undefined) return { status: 200, headers: headersOf(object), body: texts(pieces()) };
  const from = Number(start);
  const to = Math.min(object.bytes, end === '' ? object.bytes : Number(end) + 1);
  if (from >= to) return refuseS3(416, 'InvalidRange', 'The requested range is not satisfiable');
  return {
    status: 206,
    headers: { ...headersOf(object), 'content-range': `bytes ${from}-${to - 1}/${object.bytes}` },
    body: texts(sliced(pieces(), from, to)),
  };
};

const remove = async (store: Store, key: string): Promise<EmulatorAnswer> => {
  const kept = await findObject(store, key);
  const left = kept === null ? await findLeft(store, key) : null;
  if (kept !== null) await store.objects.remove(kept.id);
  if (left !== null) {
    await store.jobs.change(left.job.id, (job) => ({ ...job, deleted: [...job.deleted, key] }));
  }
  return { status: 204, body: '' };
};

const headersOf = (object: FoundObject): Record<string, string> => ({
  'content-type': object.contentType,
  'accept-ranges': 'bytes',
  etag: etagOf(object),
  'last-modified': object.modifiedAt.toUTCString(),
});

interface OpenObject {
  readonly object: FoundObject;
  /** The content in pieces of any size. */
  pieces(): AsyncIterable<Buffer>;
}

const open = async (store: Store, key: string): Promise<OpenObject | null> => {
  const kept = await findObject(store, key);
  if (kept !== null) {
    const content = (await store.objects.content(kept.id)) ?? Buffer.alloc(0);
    return { object: putObject(kept), pieces: () => pieced(content) };
  }
  const left = await findLeft(store, key);
  if (left === null) return null;
  const pieces = async function* () {
    for await (const line of outputLines(store, left)) yield Buffer.from(line);
  };
  return { object: await leftObject(store, left), pieces };
};

const findLeft = async (store: Store, key: string): Promise<OutputObject | null> => {
  const jobs = await store.jobs.all();
  return jobs.flatMap((job) => outputsOf(store, job)).find((output) => output.key === key) ?? null;
};

const pieceBytes = 64 * 1024;

async function* pieced(content: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
}

async function* sliced(pieces: AsyncIterable<Buffer>, from: number, to: number): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const piece of pieces) {
    const part = piece.subarray(Math.max(0, from - at), Math.max(0, to - at));
    at += piece.length;
    if (part.length > 0) yield part;
    if (at >= to) return;
  }
}

/** Bytes as texts that are worth a write. What is served here is UTF-8. */
async function* texts(pieces: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let text = '';
  for await (const piece of pieces) {
    text += decoder.write(piece);
    if (text.length < pieceBytes) continue;
    yield text;
    text = '';
  }
  yield text + decoder.end();
}

async function* none(): AsyncGenerator<string> {}
