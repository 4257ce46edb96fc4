/** A place that providers call during an audit. Owned here: the socket, and what arrived at it, unread. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A call that arrived. */
export interface ReceivedCall {
  readonly headers: Pick<Headers, 'get'>;
  readonly body: string;
}

/** A listening receiver. */
export interface Receiver {
  readonly url: string;
  readonly calls: readonly ReceivedCall[];
  close(): Promise<void>;
}

/** Listens on a free loopback port and answers every call with 204. */
export async function openReceiver(): Promise<Receiver> {
  const calls: ReceivedCall[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    calls.push({ headers: readable(request.headers), body: Buffer.concat(pieces).toString('utf8') });
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/calls`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const readable = (headers: IncomingHttpHeaders): Pick<Headers, 'get'> => ({
  get(name) {
    const value = headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(', ') : (value ?? null);
  },
});
