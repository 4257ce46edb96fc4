/**
 * One server for several emulators, each under a path of its own. Owned here: the socket, and whose a path is.
 * Left to others: what is answered below a path; an emulator sees its own paths only.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { StartError } from '../errors.ts';
import type { EmulatorHost } from '../providers/emulation.ts';

/** A listening server with places for emulators. */
export interface SharedHost {
  /** What all URLs of it begin with, without a slash at its end. */
  readonly origin: string;
  /** The place under `/<name>`; to be mounted once. */
  at(name: string): EmulatorHost;
  /** Stops at once, open and held connections included. */
  close(): Promise<void>;
}

/** Where to listen. */
export interface HostOptions {
  readonly host: string;
  /** 0 takes any port that is free. */
  readonly port: number;
  /** What URLs in answers begin with, where others reach this server by another address than it listens on. */
  readonly publicUrl?: string | undefined;
}

type Handle = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/** Starts listening. Throws `StartError` where the port is taken or the host cannot be bound. */
export async function openSharedHost({ host, port, publicUrl }: HostOptions): Promise<SharedHost> {
  const places = new Map<string, Handle>();
  const server = createServer((incoming, outgoing) => {
    const [, name = '', rest = ''] = /^\/([^/?]*)(.*)$/s.exec(incoming.url ?? '') ?? [];
    const handle = places.get(name);
    if (handle === undefined) return answerNothing(outgoing);
    incoming.url = rest.startsWith('/') ? rest : `/${rest}`;
    handle(incoming, outgoing);
  });
  const bound = await bind(server, host, port);
  const origin = publicUrl ?? bound;
  return {
    origin,
    at: (name) => ({
      async mount(handle) {
        places.set(name, handle);
        return `${origin}/${name}`;
      },
    }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const answerNothing = (outgoing: ServerResponse): void => {
  const message = 'There is nothing here; GET /_emulate tells what is where.';
  outgoing
    .writeHead(404, { 'content-type': 'application/json' })
    .end(JSON.stringify({ error: { code: 'NOT_FOUND', message } }));
};

const bind = (server: Server, host: string, port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new StartError(sentenceOf(error.code, host, port))),
    );
    server.listen(port, host, () => {
      const address = server.address();
      const taken = typeof address === 'object' && address !== null ? address.port : port;
      const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
      resolve(`http://${shown.includes(':') ? `[${shown}]` : shown}:${taken}`);
    });
  });

const sentenceOf = (code: string | undefined, host: string, port: number): string =>
  ({
    EADDRINUSE: `Port ${port} is taken on ${host}; choose another with --port.`,
    EACCES: `Port ${port} may not be used by this user; choose one above 1023 with --port.`,
    EADDRNOTAVAIL: `${host} is not an address of this machine; choose another with --host.`,
    ENOTFOUND: `${host} cannot be resolved; choose another with --host.`,
  })[code ?? ''] ?? `The emulators cannot listen on ${host}:${port} (${code ?? 'unknown'}).`;
