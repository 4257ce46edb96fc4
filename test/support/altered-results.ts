/**
 * A provider between the service and its emulator: every call passes through, but what a reading of results gives is
 * the test's: other lines, other bytes, an end in the middle.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Emulator } from '../../src/providers/emulation.ts';
import type { Connection } from '../../src/providers/provider.ts';

/** What is sent instead of a file of results. */
export interface AlteredResults {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** The connection is cut after so many bytes of it. */
  readonly cutAfterBytes?: number;
}

/** A running provider. */
export interface AlteredProvider extends Connection {
  /** How often results were read. */
  readonly readings: number;
  close(): Promise<void>;
}

/** Starts it; `alter` is given the whole file that the emulator answers, unless it is one that takes no look at it. */
export async function alterResults(
  emulator: Emulator,
  alter: (original: () => Promise<string>) => AlteredResults | Promise<AlteredResults>,
): Promise<AlteredProvider> {
  const there = new URL(emulator.baseUrl);
  let here = '';
  let readings = 0;
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const forwarded = () => forward(incoming, there);
    if (/\/(content|results)$|:download/.test((incoming.url ?? '').replace(/\?.*/, ''))) {
      readings += 1;
      const results = await alter(async () => (await forwarded()).text());
      return await send(outgoing, results);
    }
    const response = await forwarded();
    // What names itself names this provider.
    const renamed = (text: string) => text.replaceAll(there.origin, here);
    const body = Buffer.from(renamed(await response.text()));
    for (const [name, value] of response.headers) {
      if (!perConnection.has(name)) outgoing.setHeader(name, renamed(value));
    }
    outgoing.writeHead(response.status, { 'content-length': body.length }).end(body);
  };
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  here = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    ...emulator,
    baseUrl: emulator.baseUrl.replace(there.origin, here),
    get readings() {
      return readings;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const perConnection = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'host',
  'keep-alive',
  'transfer-encoding',
]);

async function forward(incoming: IncomingMessage, there: URL): Promise<Response> {
  const pieces: Uint8Array[] = [];
  for await (const piece of incoming) pieces.push(piece);
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (!perConnection.has(name) && value !== undefined) headers.set(name, String(value));
  }
  const method = incoming.method ?? 'GET';
  return fetch(new URL(incoming.url ?? '/', there.origin), {
    method,
    headers,
    ...(method === 'GET' ? {} : { body: Buffer.concat(pieces) }),
  });
}

async function send(
  outgoing: ServerResponse,
  { headers, body, cutAfterBytes }: AlteredResults,
): Promise<void> {
  outgoing.writeHead(200, { 'content-type': 'application/octet-stream', ...headers });
  outgoing.flushHeaders();
  const closed = once(outgoing, 'close');
  let left = cutAfterBytes ?? Number.POSITIVE_INFINITY;
  for await (const bytes of body) {
    const isTaken = outgoing.write(bytes.subarray(0, left));
    left -= bytes.length;
    if (left <= 0) break;
    if (isTaken) continue;
    await Promise.race([once(outgoing, 'drain'), closed]);
    if (outgoing.destroyed) return;
  }
  if (cutAfterBytes === undefined) outgoing.end();
  // What was written is sent first.
  else outgoing.socket?.end(() => outgoing.destroy());
}
