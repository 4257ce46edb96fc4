/** The file that `batchql upload` sends: one on the disk, or standard input; plain or gzip, which its first bytes tell. */
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { StartError } from '../errors.ts';

/** A file that is about to be sent. */
export interface OpenFile {
  /** What it is called in messages. */
  readonly name: string;
  /** How many bytes it has; null where only its end tells. */
  readonly bytes: number | null;
  readonly isGzip: boolean;
  /** Its bytes, once. */
  readonly pieces: AsyncIterable<Buffer>;
  /** Lets go of it, also where it is not read to its end. */
  close(): void;
}

/** Opens the file, `-` for standard input. Throws `StartError` where there is none, or none with bytes in it. */
export async function openFile(path: string): Promise<OpenFile> {
  if (path === '-') return fromInput();
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is none' : (error.code ?? 'unknown');
    throw new StartError(`The file ${path} cannot be read: ${why}.`);
  });
  try {
    return await fromDisk(path, handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function fromDisk(path: string, handle: FileHandle): Promise<OpenFile> {
  const found = await handle.stat();
  if (found.isDirectory()) throw new StartError(`${path} is a directory, and not a file.`);
  // What is no file on the disk, such as a pipe, has neither a size nor a beginning that can be read twice.
  if (!found.isFile()) return peeked(path, handle.createReadStream());
  if (found.size === 0) throw new StartError(`The file ${path} is empty.`);
  const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
  const pieces = handle.createReadStream({ start: 0, highWaterMark: pieceBytes });
  return {
    name: path,
    bytes: found.size,
    isGzip: isGzip(buffer),
    pieces,
    close: () => void pieces.destroy(),
  };
}

const fromInput = (): Promise<OpenFile> => peeked('standard input', process.stdin);

async function peeked(name: string, stream: Readable): Promise<OpenFile> {
  const pieces = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const first = await pieces.next();
  if (first.done) throw new StartError(`${name[0]?.toUpperCase()}${name.slice(1)} is empty.`);
  const rest = async function* () {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => pieces };
  };
  return {
    name,
    bytes: null,
    isGzip: isGzip(first.value),
    pieces: rest(),
    close: () => void stream.destroy(),
  };
}

const pieceBytes = 256 * 1024;

const isGzip = (bytes: Buffer): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** Writes all pieces, no faster than they are taken, and tells how many bytes went; stops where it is told to. */
export async function writeAll(
  { pieces }: OpenFile,
  to: NodeJS.WritableStream,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const piece of pieces) {
    if (signal.aborted) return;
    if (!to.write(piece)) await once(to, 'drain', { signal }).catch(() => undefined);
    onBytes(piece.length);
  }
  if (!signal.aborted) to.end();
}
