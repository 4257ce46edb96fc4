/** A TCP proxy before a server, that can break connections in the ways networks do. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A running proxy. */
export interface TestProxy {
  /** The server's url with the proxy in its place. */
  readonly url: string;
  /** Lets the connections that are open now fall silent in both directions, without closing them. */
  freeze(): void;
  close(): Promise<void>;
}

/** Starts a proxy before the server at `url`. */
export async function startProxy(url: string): Promise<TestProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxied = new URL(url);
  proxied.hostname = '127.0.0.1';
  proxied.port = String((server.address() as AddressInfo).port);
  return {
    url: proxied.href,
    freeze() {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
