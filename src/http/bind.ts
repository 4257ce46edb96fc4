/** Makes a server listen, and says in one sentence why it cannot. */
import type { Server } from 'node:http';
import { StartError } from '../errors.ts';

/** Where to listen, and the settings that say so. */
export interface Place {
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  readonly settings: { readonly host: string; readonly port: string };
}

/** Its address, without a trailing slash. Throws `StartError`. */
export function bind(server: Server, place: Place): Promise<string> {
  const { host, port } = place;
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new StartError(sentenceOf(error.code, place)));
    });
    server.listen(port, host, () => {
      const address = server.address();
      const taken = typeof address === 'object' && address !== null ? address.port : port;
      const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
      resolve(`http://${shown.includes(':') ? `[${shown}]` : shown}:${taken}`);
    });
  });
}

const sentenceOf = (code: string | undefined, { host, port, settings }: Place): string =>
  ({
    EADDRINUSE: `Port ${port} is taken on ${host}; set ${settings.port} to a free one.`,
    EACCES: `Port ${port} may not be used by this user; set ${settings.port} to one above 1023.`,
    EADDRNOTAVAIL: `${settings.host} ${host} is not an address of this machine.`,
    ENOTFOUND: `${settings.host} ${host} cannot be resolved.`,
  })[code ?? ''] ?? `The server cannot listen on ${host}:${port} (${code ?? 'unknown'}).`;
