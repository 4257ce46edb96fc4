import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { ProviderFailure } from '../../src/providers/failure.ts';
import { guardedFetch, type StreamedRequest, streamedRequest } from '../../src/providers/http.ts';
import { connectionFailure, failureOf, publicText, retryAt } from '../../src/providers/http-failure.ts';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
  server = undefined;
});

const listen = async (listener: RequestListener): Promise<string> => {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
};

/** Without it, what is held cannot be told from what nobody has swept up yet. */
const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc(); gc();');
};

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
};

async function* from<T>(pieces: Iterable<T>): AsyncGenerator<T> {
  yield* pieces;
}

const send = (url: string, changes: Partial<StreamedRequest> = {}) =>
  streamedRequest({
    url,
    headers: { 'x-own': 'yes' },
    body: from(['hello ', 'wörld']),
    contentLength: 12,
    signal: new AbortController().signal,
    guard: () => {},
    ...changes,
  });

const failureFrom = async (promise: Promise<unknown>): Promise<ProviderFailure> => {
  const error = await promise.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ProviderFailure) return error;
  throw error;
};

describe('streamedRequest', () => {
  test('a streamed body arrives byte for byte, with its exact length announced', async () => {
    const url = await listen(async (request, response) => {
      const { 'content-length': length, 'transfer-encoding': encoding, 'x-own': own } = request.headers;
      const body = (await bodyOf(request)).toString();
      response.writeHead(201, { 'x-id': '7' }).end(JSON.stringify({ length, encoding, own, body }));
    });
    const answer = await send(url, { body: from(['hello ', Buffer.from('wörld')]) });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('x-id')).toBe('7');
    expect(JSON.parse(answer.text)).toEqual({ length: '12', own: 'yes', body: 'hello wörld' });
  });

  test('a body is produced no faster than the other side reads it', async () => {
    const total = 512;
    const piece = Buffer.alloc(128 * 1024);
    let produced = 0;
    let producedUnread = 0;
    async function* body() {
      for (; produced < total; produced += 1) yield piece;
    }
    const url = await listen(async (request, response) => {
      if (request.method === 'GET') {
        response.end();
        return;
      }
      // Many turns of the event loop, in which a body without back-pressure would have been produced whole.
      for (let turn = 0; turn < 100; turn += 1) await (await fetch(url)).text();
      producedUnread = produced;
      response.end(String((await bodyOf(request)).length));
    });
    const answer = await send(url, { body: body(), contentLength: total * piece.length });
    expect(answer.text).toBe(String(total * piece.length));
    expect(producedUnread).toBeLessThan(total / 2);
  });

  test('a large body is never held in memory', async () => {
    const [pieces, pieceBytes] = [4000, 64 * 1024];
    let held = 0;
    async function* body() {
      for (let n = 0; n < pieces; n += 1) yield 'x'.repeat(pieceBytes);
      collectGarbage();
      held = process.memoryUsage().arrayBuffers;
    }
    const url = await listen(async (request, response) => {
      let bytes = 0;
      for await (const piece of request) bytes += piece.length;
      response.end(String(bytes));
    });
    const contentLength = pieces * pieceBytes;
    expect((await send(url, { body: body(), contentLength })).text).toBe(String(contentLength));
    expect(held).toBeLessThan(contentLength / 4);
  });

  describe('asks its guard', () => {
    const refusal = new ProviderFailure('unavailable', { code: 'guarded', message: 'No.' });

    test('not before the connection stands, however long that takes', async () => {
      // A server that answers no handshake: a connection to it never stands.
      const silent = createTcpServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { port } = silent.address() as AddressInfo;
      let asked = 0;
      const abort = new AbortController();
      const guard = () => {
        asked += 1;
      };
      const sending = send(`https://127.0.0.1:${port}`, { guard, signal: abort.signal });
      const [socket] = await once(silent, 'connection');
      for (let turn = 0; turn < 20; turn += 1) await setImmediate();
      abort.abort();
      expect(await failureFrom(sending)).toMatchObject({ kind: 'unavailable' });
      expect(asked).toBe(0);
      socket.destroy();
      await new Promise((resolve) => silent.close(resolve));
    });

    test('before each piece and before the last byte, and what it refuses the other side never has whole', async () => {
      const whole: string[] = [];
      const url = await listen(async (request, response) => {
        const body = await bodyOf(request).catch(() => null);
        if (body !== null) whole.push(body.toString());
        response.end();
      });
      const pieces = ['a'.repeat(70_000), 'b'.repeat(70_000), 'c'];
      const sized = { contentLength: 140_001 };
      let questions = 0;
      const counting = () => {
        questions += 1;
      };
      await send(url, { ...sized, body: from(pieces), guard: counting });
      expect(whole).toEqual([pieces.join('')]);
      expect(questions).toBe(4);
      for (let passed = 0; passed < questions; passed += 1) {
        let asked = 0;
        const guard = () => {
          asked += 1;
          if (asked > passed) throw refusal;
        };
        await expect(send(url, { ...sized, body: from(pieces), guard })).rejects.toBe(refusal);
      }
      await server?.close();
      expect(whole).toHaveLength(1);
    });

    test('for the call of an SDK too, and tells what it said', async () => {
      const bodies: string[] = [];
      const url = await listen(async (request, response) => {
        bodies.push((await bodyOf(request)).toString());
        response.end('{}');
      });
      const told: unknown[] = [];
      const post = { method: 'POST', body: '{"a":"é"}', headers: { 'content-type': 'application/json' } };
      const pass = guardedFetch(
        () => {},
        (error) => told.push(error),
      );
      expect(await (await pass(url, post)).text()).toBe('{}');
      const refuse = guardedFetch(
        () => {
          throw refusal;
        },
        (error) => told.push(error),
      );
      await expect(refuse(url, post)).rejects.toThrow();
      expect(told).toEqual([refusal]);
      expect(bodies).toEqual([post.body]);
    });
  });

  test('a redirect is not followed, because the body cannot be sent again', async () => {
    let calls = 0;
    const url = await listen(async (request, response) => {
      calls += 1;
      await bodyOf(request);
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect(await failureFrom(send(url))).toMatchObject({ kind: 'uncertain' });
    expect(calls).toBe(1);
  });

  test('an answer that refuses is still an answer', async () => {
    const url = await listen((_, response) => {
      response.writeHead(401).end('no');
    });
    expect(await send(url)).toMatchObject({ status: 401, text: 'no' });
  });

  test('an answer that comes before the body was read ends the body early', async () => {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(64 * 1024);
      } finally {
        end();
      }
    }
    const url = await listen((_, response) => {
      response.writeHead(413, { connection: 'close' }).end('too large');
    });
    const answer = await send(url, { body: endless(), contentLength: 1e12 }).catch((error) => error);
    // Whether the answer outruns the broken pipe is the network's choice; both say what happened.
    if (answer instanceof ProviderFailure) expect(answer.kind).toBe('uncertain');
    else expect(answer.status).toBe(413);
    await ended;
  });

  test('a server that nobody can reach makes the call unavailable, not uncertain', async () => {
    const url = await listen(() => {});
    server?.close();
    expect(await failureFrom(send(url))).toMatchObject({ kind: 'unavailable' });
    expect(await failureFrom(send('http://nowhere.invalid'))).toMatchObject({ kind: 'unavailable' });
  });

  test('a handshake that fails before the body is unavailable, because nothing has left us', async () => {
    const url = await listen(() => {});
    const failure = await failureFrom(send(url.replace('http:', 'https:')));
    expect(failure).toMatchObject({ kind: 'unavailable' });
  });

  test('a connection that is cut after the body was sent makes the call uncertain', async () => {
    const url = await listen(async (request) => {
      await bodyOf(request);
      request.socket.destroy();
    });
    expect(await failureFrom(send(url))).toMatchObject({ kind: 'uncertain', code: 'answer_lost' });
  });

  test('an answer that is torn makes the call uncertain', async () => {
    const url = await listen(async (request, response) => {
      await bodyOf(request);
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"id":', () => request.socket.destroy());
    });
    expect(await failureFrom(send(url))).toMatchObject({ kind: 'uncertain' });
  });

  test('aborting is unavailable before anything was sent and uncertain afterwards', async () => {
    const controller = new AbortController();
    const url = await listen(async (request) => {
      await bodyOf(request);
      controller.abort();
    });
    expect(await failureFrom(send(url, { signal: controller.signal }))).toMatchObject({ kind: 'uncertain' });
    expect(await failureFrom(send(url, { signal: AbortSignal.abort() }))).toMatchObject({
      kind: 'unavailable',
    });
  });

  test('aborting in the middle ends the body that is being produced', async () => {
    const controller = new AbortController();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(64 * 1024);
      } finally {
        end();
      }
    }
    const url = await listen((request) => {
      request.once('data', () => controller.abort());
    });
    const call = send(url, { body: endless(), contentLength: 1e12, signal: controller.signal });
    expect(await failureFrom(call)).toMatchObject({ kind: 'uncertain' });
    await ended;
  });

  test('a body that is not as long as was said is a fault of ours, whichever way it is wrong', async () => {
    const url = await listen(async (request, response) => {
      await bodyOf(request).catch(() => null);
      response.end();
    });
    for (const [contentLength, word] of [
      [13, 'fewer'],
      [11, 'more'],
    ] as const) {
      const error = await send(url, { contentLength }).catch((thrown: unknown) => thrown);
      expect(error).not.toBeInstanceOf(ProviderFailure);
      expect(error).toMatchObject({
        message: `The body to be sent had ${word} bytes than the ${contentLength} declared.`,
      });
    }
  });

  test('a body that fails is thrown as the error that it is', async () => {
    const url = await listen(async (request) => {
      await bodyOf(request).catch(() => null);
    });
    async function* failing() {
      yield 'hello ';
      throw new TypeError('the database is gone');
    }
    await expect(send(url, { body: failing() })).rejects.toThrow(new TypeError('the database is gone'));
  });
});

const now = new Date('2026-01-01T00:00:00.000Z');

describe('retryAt', () => {
  test('Retry-After is understood in seconds, as a date, and in milliseconds, which win', () => {
    const read = (headers: Record<string, string>) =>
      retryAt(new Headers(headers), now)?.toISOString() ?? null;
    expect(read({ 'retry-after': '90' })).toBe('2026-01-01T00:01:30.000Z');
    expect(read({ 'retry-after': '0.5' })).toBe('2026-01-01T00:00:00.500Z');
    expect(read({ 'retry-after': 'Thu, 01 Jan 2026 02:00:00 GMT' })).toBe('2026-01-01T02:00:00.000Z');
    expect(read({ 'retry-after': 'Wed, 31 Dec 2025 02:00:00 GMT' })).toBe('2026-01-01T00:00:00.000Z');
    expect(read({ 'retry-after': '90', 'retry-after-ms': '1500' })).toBe('2026-01-01T00:00:01.500Z');
    expect(read({ 'retry-after': 'soon' })).toBeNull();
    expect(read({ 'retry-after': '9'.repeat(30) })).toBeNull();
    expect(read({})).toBeNull();
  });
});

describe('failureOf', () => {
  const failure = (status: number, creates: boolean, headers: Record<string, string> = {}) =>
    failureOf({
      status,
      creates,
      code: null,
      message: null,
      headers: new Headers(headers),
      now,
      apiKey: 'secret',
    });

  test('each status means one kind, and a call that creates is never too sure', () => {
    const kinds = (creates: boolean, headers?: Record<string, string>) =>
      Object.fromEntries(
        [200, 302, 400, 401, 402, 403, 404, 408, 409, 410, 413, 422, 429, 500, 502, 503, 504, 529].map(
          (status) => [status, failure(status, creates, headers).kind],
        ),
      );
    const both = {
      ...{ 200: 'malformed', 302: 'malformed', 410: 'expired', 429: 'throttled' },
      ...{ 400: 'rejected', 401: 'rejected', 402: 'rejected', 403: 'rejected', 404: 'rejected' },
      ...{ 409: 'rejected', 413: 'rejected', 422: 'rejected' },
    };
    const reading = { 408: 'unavailable', 500: 'unavailable', 502: 'unavailable', 504: 'unavailable' };
    const creating = { 408: 'uncertain', 500: 'uncertain', 502: 'uncertain', 504: 'uncertain' };
    const patience = { 'retry-after': '5' };
    expect(kinds(false)).toEqual({ ...both, ...reading, 503: 'unavailable', 529: 'unavailable' });
    expect(kinds(false, patience)).toEqual({ ...both, ...reading, 503: 'throttled', 529: 'throttled' });
    expect(kinds(true)).toEqual({ ...both, ...creating, 503: 'uncertain', 529: 'uncertain' });
    expect(kinds(true, patience)).toEqual({ ...both, ...creating, 503: 'uncertain', 529: 'uncertain' });
  });

  test('a failure carries the vendor word, the status, and when to try again', () => {
    expect(failure(404, false)).toMatchObject({
      code: 'http_404',
      message: 'The provider answered 404.',
      status: 404,
      retryAt: null,
    });
    expect(failure(429, true, { 'retry-after': '60' }).retryAt).toEqual(new Date(now.getTime() + 60_000));
    const told = failureOf({
      status: 401,
      code: 'invalid_api_key',
      message: 'Your key secret is wrong.',
      headers: new Headers(),
      now,
      creates: false,
      apiKey: 'secret',
    });
    expect(told).toMatchObject({ code: 'invalid_api_key', message: 'Your key [redacted] is wrong.' });
  });
});

describe('connectionFailure', () => {
  test('only what cannot have connected is certain to have created nothing', () => {
    const kind = (code: string, creates: boolean) => {
      const cause = Object.assign(new Error('low level'), { code });
      return connectionFailure(new TypeError('fetch failed', { cause }), { creates }).kind;
    };
    for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']) {
      expect([code, kind(code, true)]).toEqual([code, 'unavailable']);
    }
    for (const code of ['ECONNRESET', 'UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'EPIPE']) {
      expect([code, kind(code, true)]).toEqual([code, 'uncertain']);
      expect([code, kind(code, false)]).toEqual([code, 'unavailable']);
    }
    expect(connectionFailure('not even an error', { creates: true }).kind).toBe('uncertain');
  });
});

describe('publicText', () => {
  test('no text carries the key, a bearer token, or a key with its middle starred out', () => {
    const text = 'key abc-123 abc-123, Authorization: Bearer xyz, provided: sk-proj-ab****wxyz. Bye';
    expect(publicText(text, 'abc-123')).toBe(
      'key [redacted] [redacted], Authorization: [redacted] provided: [redacted]. Bye',
    );
    expect(publicText('nothing to hide', '')).toBe('nothing to hide');
  });

  test('a text is cut to 500 characters, after the key was taken out', () => {
    const text = `${'x'.repeat(495)}secret-key-that-straddles`;
    expect(publicText(text, 'secret-key-that-straddles')).toBe(`${'x'.repeat(495)}[red…`);
    expect(publicText('y'.repeat(500), '')).toHaveLength(500);
    expect(publicText('y'.repeat(501), '')).toHaveLength(500);
  });
});
