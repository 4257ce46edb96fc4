/**
 * Sends pieces one after the other, each when the one before has left this process, and has the next one made meanwhile:
 * whoever makes them may use the memory of one for the next but one, and a slow reader costs no more than two.
 */
import type { Writable } from 'node:stream';

/** Whoever was to have the pieces went away before the last of them. */
export class ReaderGone extends Error {
  constructor() {
    super('the reader went away');
    this.name = 'ReaderGone';
  }
}

/**
 * Resolves when all pieces have left and the stream was ended. Throws what the pieces throw, and `ReaderGone` where the
 * stream fails or is closed.
 */
export async function sendPieces(pieces: AsyncIterable<Buffer>, stream: Writable): Promise<void> {
  const gone = Promise.withResolvers<never>();
  // Nobody may be waiting when it happens.
  gone.promise.catch(() => undefined);
  const leave = () => gone.reject(new ReaderGone());
  stream.on('error', leave).once('close', leave);
  if (stream.destroyed) leave();
  let leaving = Promise.resolve();
  for await (const piece of pieces) {
    await Promise.race([gone.promise, leaving]);
    leaving = left(stream, piece);
    // Where the pieces fail meanwhile, nobody waits for it.
    leaving.catch(() => undefined);
  }
  await Promise.race([gone.promise, leaving]);
  stream.end();
}

const left = (stream: Writable, piece: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    stream.write(piece, (error) => (error ? reject(new ReaderGone()) : resolve()));
  });
