/** One call, on the wire: what is sent, and what every way of answering it, or not, comes to. */
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openCallbackCaller } from '../../src/callbacks/caller.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(() => receiver.close());

const never = new AbortController().signal;
const resolve = async () => ['127.0.0.1'];
const caller = openCallbackCaller({ allow: ['127.0.0.1'], seconds: 1, resolve });
const post = (url = receiver.url) =>
  caller.post({ url, headers: { 'webhook-id': 'one' }, body: '{"name":"Grüße"}' }, never);
const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function listening<Kind extends Server>(server: Kind): Promise<Kind> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

describe('A call', () => {
  afterEach(() => receiver.calls.splice(0));

  it('carries the headers and the bytes that it was given, and asks for no connection to be kept', async () => {
    expect(await post()).toEqual({ statusCode: 204, error: null, retryAfter: null });
    expect(receiver.calls).toMatchObject([
      {
        method: 'POST',
        body: '{"name":"Grüße"}',
        headers: { 'webhook-id': 'one', 'content-length': '18', connection: 'close' },
      },
    ]);
  });

  it('goes past the proxies of the environment, which would look its host up themselves', async () => {
    const proxies = {
      http_proxy: 'http://127.0.0.1:1',
      HTTP_PROXY: 'http://127.0.0.1:1',
      NODE_USE_ENV_PROXY: '1',
    };
    Object.assign(process.env, proxies);
    try {
      expect(await post()).toMatchObject({ statusCode: 204 });
    } finally {
      for (const name of Object.keys(proxies)) delete process.env[name];
    }
  });

  it('over https asks for the certificate of the name in its URL, at the address that the name has', async () => {
    const greeting = Promise.withResolvers<Buffer>();
    const server = await listening(
      createTcpServer((socket) => {
        socket.once('data', (data) => {
          greeting.resolve(data);
          socket.destroy();
        });
      }),
    );
    const outcome = await post(`https://hooks.example.com:${portOf(server)}/`);
    expect((await greeting.promise).includes('hooks.example.com')).toBe(true);
    expect(outcome).toEqual({
      statusCode: null,
      error: 'The connection failed (ECONNRESET).',
      retryAfter: null,
    });
    server.close();
  });
});

describe('An answer', () => {
  it.each([400, 401, 404, 410, 429, 500, 503])('of %i does not count, and says why', async (status) => {
    receiver.answer((response) => response.writeHead(status, { 'retry-after': '7' }).end('a long story'));
    expect(await post()).toEqual({
      statusCode: status,
      error: `The receiver answered ${status}.`,
      retryAfter: '7',
    });
  });

  it.each([200, 201, 202, 204])('of %i counts', async (status) => {
    receiver.answer(status);
    expect(await post()).toEqual({ statusCode: status, error: null, retryAfter: null });
  });

  it('whose head does not come in time does not count', async () => {
    receiver.answer(() => undefined);
    expect(await post()).toEqual({
      statusCode: null,
      error: 'It did not answer within 1 seconds.',
      retryAfter: null,
    });
  });

  it('whose body never ends counts by its head, and keeps nobody waiting longer than a call may take', async () => {
    receiver.answer((response) => response.writeHead(200).write('a'));
    expect(await post()).toMatchObject({ statusCode: 200, error: null });
  });

  it('whose body is endless is taken to a small part', async () => {
    let sent = 0;
    const closed = Promise.withResolvers<void>();
    receiver.answer((response) => {
      const more = () => {
        while (!response.destroyed) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) break;
        }
      };
      response.on('drain', more).on('close', closed.resolve);
      response.writeHead(200);
      more();
    });
    const begun = performance.now();
    expect(await post()).toMatchObject({ statusCode: 200 });
    expect(performance.now() - begun).toBeLessThan(1_000);
    await closed.promise;
    expect(sent).toBeLessThan(20_000_000);
  });

  it('with a head that is too long, or that is no HTTP, does not count', async () => {
    receiver.answer((response) => response.writeHead(200, { 'x-long': 'x'.repeat(40_000) }).end());
    expect(await post()).toMatchObject({
      statusCode: null,
      error: expect.stringMatching(/^The connection failed/),
    });
    const server = await listening(createTcpServer((socket) => socket.end('220 mail ready\r\n')));
    expect(await post(`http://127.0.0.1:${portOf(server)}/`)).toMatchObject({
      statusCode: null,
      error: expect.stringMatching(/^The connection failed \(HPE_/),
    });
    server.close();
  });

  it('that asks to speak another protocol does not count', async () => {
    const server = await listening(createServer());
    server.on('connection', (socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    });
    expect(await post(`http://127.0.0.1:${portOf(server)}/`)).toMatchObject({
      statusCode: null,
      error: 'The connection failed (CLOSED).',
    });
    server.closeAllConnections();
    server.close();
  });
});

describe('A receiver', () => {
  it('that is not there is told by the system’s word', async () => {
    const gone = await listening(createTcpServer());
    const url = `http://127.0.0.1:${portOf(gone)}/`;
    await new Promise((done) => gone.close(done));
    expect(await post(url)).toMatchObject({ error: 'The connection failed (ECONNREFUSED).' });
  });

  it('that hangs up is told so', async () => {
    receiver.answer((response) => response.destroy());
    expect(await post()).toMatchObject({ error: 'The connection failed (ECONNRESET).' });
  });
});

describe('A sender', () => {
  it('that is told to stop stops, also while it waits for a name server', async () => {
    const stopping = new AbortController();
    const lost = openCallbackCaller({
      allow: [],
      seconds: 60,
      resolve: () => {
        stopping.abort();
        return Promise.withResolvers<string[]>().promise;
      },
    });
    const call = { url: 'https://hooks.example.com/', headers: {}, body: '' };
    expect(await lost.post(call, stopping.signal)).toMatchObject({
      statusCode: null,
      error: 'Its sender was stopped before the answer came.',
    });
  });
});
