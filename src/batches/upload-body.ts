/**
 * What comes through an upload's URL, as plain bytes: unzipped where it is said to be gzip, counted as it was sent, and
 * given up where its sender stops sending or goes away. Pulled, never pushed: while nobody asks for the next piece, the
 * sender waits.
 */
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { UploadBroken } from './upload-broken.ts';

/** A file on its way in. */
export interface SentFile {
  /** How long it is said to be; null where its sender did not say. */
  readonly bytesExpected: number | null;
  readonly encoding: 'identity' | 'gzip';
  readonly pieces: AsyncIterable<Buffer>;
}

/** The bytes of a file, and how many came so far, as they were sent. */
export interface ReceivedFile {
  readonly pieces: AsyncIterable<Buffer>;
  readonly bytes: () => number;
}

/**
 * Receives a file. Its pieces throw `UploadBroken` where it cannot be received whole, and when `stop` says so with one.
 */
export function receiveFile(
  { encoding, pieces }: SentFile,
  stallSeconds: number,
  stop: AbortSignal,
): ReceivedFile {
  let bytes = 0;
  async function* counted(): AsyncGenerator<Buffer, void, undefined> {
    const incoming = pieces[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await unlessStalled(incoming.next(), stallSeconds, stop);
        if (next.done === true) return;
        bytes += next.value.length;
        yield next.value;
      }
    } finally {
      // Not awaited: a sender that is silent may never answer.
      Promise.resolve(incoming.return?.()).catch(() => undefined);
    }
  }
  return { pieces: encoding === 'gzip' ? unzipped(counted()) : counted(), bytes: () => bytes };
}

async function unlessStalled<Value>(
  next: Promise<Value>,
  seconds: number,
  stop: AbortSignal,
): Promise<Value> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const give = () => reject(stop.reason);
  stop.addEventListener('abort', give);
  const timer = setTimeout(() => reject(new UploadBroken('STALLED')), seconds * 1000);
  try {
    return await Promise.race([next, silence]);
  } catch (error) {
    throw error instanceof UploadBroken ? error : new UploadBroken('ABORTED');
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', give);
  }
}

async function* unzipped(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const source = Readable.from(pieces, { objectMode: true });
  const gunzip = createGunzip({ chunkSize: 65_536 });
  source.once('error', (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  try {
    yield* gunzip;
  } catch (error) {
    throw error instanceof UploadBroken ? error : new UploadBroken('BAD_GZIP');
  } finally {
    source.destroy();
  }
}
