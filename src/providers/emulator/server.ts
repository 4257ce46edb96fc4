/**
 * The HTTP side of every emulator: a server on a free loopback port that routes by the raw path, misbehaves on
 * request and writes down what it was asked.
 *
 * Owned here: sockets, routing, faults, the record of calls. Left to the vendors' emulators: what a call means,
 * who may make it, and every byte of an answer.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { EmulatorCall, EmulatorHost, FaultEffect, FaultPlan } from '../emulation.ts';
import { createFaults } from './faults.ts';

/** A call, as a route sees it. */
export interface EmulatorRequest {
  readonly method: string;
  /** The path as it came, percent-encoding kept, without the query. */
  readonly path: string;
  /** What the groups of the route's pattern matched, undecoded; an unmatched group is an empty string. */
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Where this is served, such as `http://127.0.0.1:40123`; absolute URLs in answers begin with it. */
  readonly origin: string;
  /** The body, unread. */
  readonly stream: Readable;
  /** Reads the whole body as UTF-8; not beside `stream`. */
  text(): Promise<string>;
}

/** What a route answers. The content type is `application/json` where `headers` names none. */
export interface EmulatorAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent with its length, an iterable in chunks as the client takes them. */
  readonly body: string | AsyncIterable<string>;
}

/** One call that an emulator understands. */
export interface EmulatorRoute {
  /** The name that faults and the record use: `create`, `retrieve`, … Where only the body tells, it is read first. */
  readonly operation: string | ((request: EmulatorRequest) => Promise<string>);
  readonly method: string;
  /** Matched against the raw path; anchor it at both ends. */
  readonly path: RegExp;
  handle(request: EmulatorRequest): EmulatorAnswer | Promise<EmulatorAnswer>;
}

/** What makes a server one vendor's. */
export interface EmulatorServerOptions {
  readonly routes: readonly EmulatorRoute[];
  /** Asked before every route: the vendor's 401, or null where the caller may go on. */
  guard(request: EmulatorRequest): EmulatorAnswer | null;
  /** The vendor's 404 for a call that no route takes; recorded as the operation `unknown`. */
  fallback(request: EmulatorRequest): EmulatorAnswer;
  /** Where to be served; on a port of its own where absent. */
  readonly host?: EmulatorHost | undefined;
}

/** A listening server. */
export interface EmulatorServer {
  readonly origin: string;
  readonly faults: FaultPlan;
  readonly calls: readonly EmulatorCall[];
  /** Stops at once, open and held connections included. */
  close(): Promise<void>;
}

/** Starts to serve, on a free port of 127.0.0.1 or at the host. A route that throws is answered with a plain 500. */
export async function startEmulatorServer(options: EmulatorServerOptions): Promise<EmulatorServer> {
  const faults = createFaults();
  const calls: RecordedCall[] = [];
  let origin = '';

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    let [route, request] = readCall(options.routes, incoming, origin);
    const named = route?.operation ?? 'unknown';
    const call: RecordedCall = {
      operation: typeof named === 'string' ? named : await named(request),
      method: request.method,
      path: request.path,
      status: null,
    };
    calls.push(call);
    const effect = faults.take(call.operation);
    if (effect?.kind === 'drop') return cut(outgoing);
    if (effect?.kind === 'hold') await effect.until;
    if (effect?.kind === 'late') {
      request = await taken(request);
      await effect.until;
    }
    const answer =
      effect?.kind === 'answer'
        ? { ...effect, body: effect.body ?? '' }
        : (options.guard(request) ?? (await (route ? route.handle(request) : options.fallback(request))));
    if (effect?.kind === 'accept-and-drop') return cut(outgoing);
    call.status = answer.status;
    await send(outgoing, answer, effect);
  };

  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    serve(incoming, outgoing).catch((error: unknown) => {
      if (outgoing.headersSent || outgoing.destroyed) return cut(outgoing);
      outgoing.writeHead(500, { 'content-type': 'text/plain' }).end(`The emulator failed: ${error}`);
    });
  };
  if (options.host !== undefined) {
    origin = await options.host.mount(handle);
    return { origin, faults, calls, close: async () => {} };
  }
  const server = await listenOnLoopback(handle);
  origin = server.origin;
  return { origin, faults, calls, close: server.close };
}

/** An HTTP server on a port of 127.0.0.1 (0: any that is free); `close` stops at once, open connections included. */
export async function listenOnLoopback(
  handle: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
  port = 0,
): Promise<{ origin: string; close(): Promise<void> }> {
  const server = createServer(handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type RecordedCall = { -readonly [K in keyof EmulatorCall]: EmulatorCall[K] };

const readCall = (
  routes: readonly EmulatorRoute[],
  incoming: IncomingMessage,
  origin: string,
): [EmulatorRoute | null, EmulatorRequest] => {
  const url = incoming.url ?? '/';
  const queryAt = url.includes('?') ? url.indexOf('?') : url.length;
  let whole: Promise<string> | undefined;
  const request = {
    method: incoming.method ?? 'GET',
    path: url.slice(0, queryAt),
    query: new URLSearchParams(url.slice(queryAt)),
    headers: incoming.headers,
    origin,
    stream: incoming,
    text() {
      whole ??= drain<Buffer>(incoming).then((pieces) => Buffer.concat(pieces).toString('utf8'));
      return whole;
    },
  };
  for (const route of routes) {
    const match = route.method === request.method ? route.path.exec(request.path) : null;
    if (match) return [route, { ...request, params: match.slice(1).map((group) => group ?? '') }];
  }
  return [null, { ...request, params: [] }];
};

/** The call with its body already here, so that nothing of it is lost with its caller. */
const taken = async (request: EmulatorRequest): Promise<EmulatorRequest> => {
  const pieces = request.stream.readableEnded
    ? [Buffer.from(await request.text())]
    : await drain<Buffer>(request.stream);
  const whole = Buffer.concat(pieces);
  return { ...request, stream: Readable.from([whole]), text: async () => whole.toString('utf8') };
};

const cut = (outgoing: ServerResponse): void => {
  outgoing.socket?.destroy();
};

const send = async (
  outgoing: ServerResponse,
  answer: EmulatorAnswer,
  effect: FaultEffect | null,
): Promise<void> => {
  let { body } = answer;
  if (effect?.kind === 'rewrite') body = effect.rewrite(await collect(body));
  const head = { 'content-type': 'application/json', ...answer.headers };
  if (effect?.kind === 'tear') {
    const bytes = Buffer.from(await collect(body));
    outgoing.writeHead(answer.status, { ...head, 'content-length': bytes.length });
    // An answer that is shorter is torn, too: it loses its last byte.
    outgoing.write(bytes.subarray(0, Math.min(effect.afterBytes, bytes.length - 1)), () => cut(outgoing));
  } else if (typeof body === 'string') {
    outgoing.writeHead(answer.status, { ...head, 'content-length': Buffer.byteLength(body) }).end(body);
  } else {
    outgoing.writeHead(answer.status, head);
    for await (const piece of body) await writeTaken(outgoing, piece);
    outgoing.end();
  }
};

const collect = async (body: string | AsyncIterable<string>): Promise<string> =>
  typeof body === 'string' ? body : (await drain(body)).join('');

const drain = async <T>(pieces: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const piece of pieces) all.push(piece);
  return all;
};

/** Writes, and waits while the client is not reading; fails when it has gone. */
const writeTaken = (outgoing: ServerResponse, piece: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const gone = () => reject(new Error('the client has gone'));
    if (outgoing.destroyed) return gone();
    if (outgoing.write(piece)) return resolve();
    outgoing.once('close', gone);
    outgoing.once('drain', () => {
      outgoing.off('close', gone);
      resolve();
    });
  });
