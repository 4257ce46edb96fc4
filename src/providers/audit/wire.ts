/**
 * Ears on the wire: what really left this process, to where. Owned here: the sockets. A provider's own emulator
 * tells what it understood; these tell what was said.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A port that listens. */
export interface WireTap {
  /** Under which a client reaches it. */
  readonly baseUrl: string;
  /** All bytes that clients have sent to it, connection after connection. */
  heard(): Buffer;
  close(): Promise<void>;
}

/** Passes everything on to the server of `baseUrl` and back, and listens. */
export function tapWire(baseUrl: string): Promise<WireTap> {
  const { port, hostname } = new URL(baseUrl);
  return listen(baseUrl, (client) => {
    const server = connect(Number(port), hostname);
    client.pipe(server).pipe(client);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
}

/** A host that is nobody's: it listens, and answers every call with an empty 200. */
export function openForeignHost(): Promise<WireTap> {
  return listen('http://127.0.0.1', (client) => {
    client.on('data', () => client.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'));
    client.on('error', () => client.destroy());
  });
}

const listen = async (likeUrl: string, serve: (client: Socket) => void): Promise<WireTap> => {
  const heard: Buffer[] = [];
  const open = new Set<Socket>();
  const server: Server = createServer((client) => {
    open.add(client);
    client.on('data', (bytes: Buffer) => heard.push(bytes)).on('close', () => open.delete(client));
    serve(client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const url = new URL(likeUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    baseUrl: url.href.replace(/\/$/, ''),
    heard: () => Buffer.concat(heard),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const client of open) client.destroy();
      }),
  };
};
