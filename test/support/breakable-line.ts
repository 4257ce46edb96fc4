/** A line to a server that a test can cut: a TCP proxy whose connections break as cables do, without a farewell. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The line. */
export interface BreakableLine {
  /** Where to connect instead of to the server, without a trailing slash. */
  readonly url: string;
  /** Breaks every connection and all new ones, until it is mended. Resolves once somebody has tried in vain. */
  cut(): Promise<void>;
  mend(): void;
  close(): Promise<void>;
}

/** Opens a line to the server at `url`. */
export async function openLine(url: string): Promise<BreakableLine> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let isCut = false;
  let triedInVain = Promise.withResolvers<void>();
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const proxy = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      // An end that breaks takes the other with it; what broke it is the test's own doing.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
    if (!isCut) return;
    breakAll();
    triedInVain.resolve();
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    cut() {
      isCut = true;
      triedInVain = Promise.withResolvers();
      breakAll();
      return triedInVain.promise;
    },
    mend() {
      isCut = false;
    },
    async close() {
      breakAll();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
