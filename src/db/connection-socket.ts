/**
 * The socket that the driver speaks to Postgres on where nothing is encrypted. All that arrives lies in the same memory:
 * new memory for each arrival, as Node takes it otherwise, makes the collector go through the whole heap for each 64 MB
 * that are downloaded. Whoever reads gets a copy, unless he says that he needs none.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** How much arrives at once, as with any socket of Node's. */
const memoryBytes = 64 * 1024;

const lent = new WeakSet<Duplex>();

/** A socket that is not connected yet; where the driver will encrypt, one of Node's, as TLS takes no other. */
export function connectionSocket({ ssl }: { readonly ssl?: unknown } = {}): Socket {
  if (ssl) return new Socket();
  const memory = Buffer.allocUnsafeSlow(memoryBytes);
  const socket = new Socket({
    onread: {
      buffer: memory,
      callback(bytes) {
        const arrived = memory.subarray(0, bytes);
        socket.emit('data', lent.has(socket) ? arrived : Buffer.from(arrived));
        return true;
      },
    },
  });
  return socket;
}

/** From now on what a stream reads may be good only until whoever listens returns. Of other sockets it is good for ever. */
export const lend = (stream: Duplex): unknown => lent.add(stream);
/** What is read can be kept again. */
export const endLending = (stream: Duplex): unknown => lent.delete(stream);
