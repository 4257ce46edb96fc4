/** A TCP proxy before a server, that can break connections in the ways networks do, and stop them at an exact point. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A running proxy. */
export interface TestProxy {
  /** The server's url with the proxy in its place. */
  readonly url: string;
  /**
   * Lets the connections that are open now fall silent in both directions, without closing them; of `all`, new ones
   * are silent, too, until `retarget`.
   */
  freeze(which?: 'open' | 'all'): void;
  /** Sends connections from now on to the server at this url; those that never got anywhere end. */
  retarget(url: string): void;
  /** Holds back the next bytes to the server in which the text stands, and what that connection sends after them. */
  holdNext(text: string): HeldBytes;
  close(): Promise<void>;
}

/** Bytes that are, or will be, held back. */
export interface HeldBytes {
  /** Resolves when they have come. */
  readonly arrived: Promise<void>;
  /** Lets them and all that follows pass. */
  release(): void;
}

/** Starts a proxy before the server at `url`. */
export async function startProxy(url: string): Promise<TestProxy> {
  let target = new URL(url);
  const sockets = new Set<Socket>();
  const holds: { text: string; arrived: () => void; released: Promise<void> }[] = [];
  const toServer = async (piece: Buffer, far: Socket): Promise<void> => {
    const at = holds.findIndex(({ text }) => piece.includes(text));
    const [hold] = at === -1 ? [] : holds.splice(at, 1);
    hold?.arrived();
    await hold?.released;
    far.write(piece);
  };
  const silent = new Set<Socket>();
  let isSilent = false;
  const server = createServer((near) => {
    if (isSilent) {
      silent.add(near.on('error', () => undefined));
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    far.pipe(near);
    let before = Promise.resolve();
    near.on('data', (piece: Buffer) => {
      before = before.then(() => toServer(piece, far));
    });
    near.on('end', () => {
      before = before.then(() => void far.end());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxied = new URL(url);
  proxied.hostname = '127.0.0.1';
  proxied.port = String((server.address() as AddressInfo).port);
  return {
    url: proxied.href,
    freeze(which = 'open') {
      isSilent = which === 'all';
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    retarget(other) {
      target = new URL(other);
      isSilent = false;
      for (const socket of silent) socket.destroy();
    },
    holdNext(text) {
      const arrival = Promise.withResolvers<void>();
      const going = Promise.withResolvers<void>();
      holds.push({ text, arrived: arrival.resolve, released: going.promise });
      return { arrived: arrival.promise, release: going.resolve };
    },
    async close() {
      server.close();
      for (const socket of [...sockets, ...silent]) socket.destroy();
    },
  };
}
