/**
 * The job's requests on their way to S3: one object, streamed, a line for each item. It costs nothing and starts
 * nothing, so that a lost answer is merely `unavailable`, and the next try either finds the object or sends it again.
 *
 * Owned here: that exactly as many bytes leave as were declared, and what is thrown when the items break off.
 */
import { Readable } from 'node:stream';
import { connectionFailure } from '../http-failure.ts';
import type { Submission, SubmitPorts } from '../provider.ts';
import type { Bucket } from './bucket.ts';
import { encodeLine } from './encode.ts';
import type { S3Place } from './s3-uri.ts';

/**
 * Puts the job's input at its place. What goes wrong with the items, or with their length, is a fault of ours and
 * is thrown as the plain error it is; the object then does not come to be.
 */
export async function uploadInput(
  bucket: Bucket,
  { encodedBytes: bytes }: Submission,
  { items, signal }: SubmitPorts,
  place: S3Place,
): Promise<void> {
  if (signal.aborted) throw connectionFailure(signal.reason, { creates: false });
  const broken = new AbortController();
  let fault: Error | null = null;
  const body = Readable.from(exactly(bytes, linesOf(items)), { objectMode: false });
  body.once('error', (error) => {
    fault ??= error;
    broken.abort();
  });
  try {
    await bucket.put({ place, body, bytes }, AbortSignal.any([signal, broken.signal]));
  } catch (failure) {
    throw fault ?? failure;
  } finally {
    // An answer that came early leaves the rest of the body unread, and its connection open.
    broken.abort();
    body.destroy();
  }
}

/** The pieces, as long as they keep to what was declared; the one that would exceed it is not let out. */
async function* exactly(declared: number, pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > declared) break;
    yield piece;
  }
  if (bytes === declared) return;
  const more = bytes > declared ? 'more' : 'fewer';
  throw new Error(`The body to be sent had ${more} bytes than the ${declared} declared.`);
}

/** Handing on a million lines one by one would cost more than writing them. */
const pieceCharacters = 64 * 1024;

async function* linesOf(items: SubmitPorts['items']): AsyncGenerator<Buffer> {
  let piece = '';
  for await (const item of items()) {
    piece += encodeLine(item);
    if (piece.length < pieceCharacters) continue;
    yield Buffer.from(piece);
    piece = '';
  }
  if (piece !== '') yield Buffer.from(piece);
}
