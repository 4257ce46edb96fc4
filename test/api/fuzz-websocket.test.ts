/** Whatever comes over a WebSocket: a proper message or a closing with a reason, no fault, no hang, and no memory kept. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { sandboxKey } from '../../src/first-keys.ts';
import { anyOperation } from '../support/any-operation.ts';
import {
  countCases,
  deepJson,
  expectProper,
  expectProperJson,
  expectSound,
  heapBytes,
  oddJson,
} from '../support/fuzz.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { requestBytes, sendBytes } from '../support/wire.ts';

const bodyBytesMax = 100_000;
const cases = countCases();
let service: TestService;
let heapAtFirst: number;
beforeAll(async () => {
  service = await startTestService({ LOG_LEVEL: 'warn', BODY_BYTES_MAX: String(bodyBytesMax) });
  for (let turn = 0; turn < 20; turn += 1) await talk([init, viewer]);
  heapAtFirst = heapBytes();
});
afterAll(async () => {
  cases.tell();
  await service.close();
});

type Message = string | Buffer;
const message = (value: unknown): string => JSON.stringify(value);
const init = message({ type: 'connection_init', payload: { 'x-api-key': sandboxKey } });
const subscribe = (id: unknown, payload: unknown): string => message({ id, type: 'subscribe', payload });
const viewer = subscribe('viewer', { query: '{ viewer { sandbox } }' });

/**
 * Says all of it in one go and hears everything until the connection is closed, or a last ping is answered and every
 * operation named in `awaited` has said something. Fails where something improper is heard.
 */
function talk(
  messages: readonly Message[],
  { protocol = 'graphql-transport-ws', awaited = [] as string[] } = {},
) {
  return new Promise<{ code: number | null; heard: { type: string; id?: string }[] }>((resolve, reject) => {
    const socket = new WebSocket(
      `${service.url.replace(/^http/, 'ws')}/graphql`,
      protocol === '' ? [] : protocol,
    );
    const heard: { type: string; id?: string }[] = [];
    const waiting = new Set(['pong', ...awaited]);
    let failure: unknown = null;
    const [first, ...rest] = messages;
    const sayAll = (all: readonly Message[]) => {
      for (const one of all) socket.send(one);
      socket.send(message({ type: 'ping', payload: { last: true } }));
    };
    // Signing in takes a moment, before which nothing may be asked.
    socket.on('open', () => (first === init ? socket.send(init) : sayAll(messages)));
    socket.on('message', (data) => {
      try {
        const { type, id, payload } = JSON.parse(String(data));
        heard.push({ type, id });
        expect(['connection_ack', 'ping', 'pong', 'next', 'error', 'complete']).toContain(type);
        if (type === 'error') expectProperJson({ errors: payload });
        if (type === 'next') expectProperJson(payload);
        if (type === 'connection_ack' && first === init) sayAll(rest);
        if (type !== 'pong') waiting.delete(id);
        else if (payload?.last === true) waiting.delete('pong');
      } catch (error) {
        failure = error;
      }
      if (failure !== null || waiting.size === 0) socket.close(1000);
    });
    // A refused handshake, or bytes that were cut off; told by the closing.
    socket.on('error', () => undefined);
    socket.on('close', (code, reason) => {
      // 1011 and 4500 would be faults of the service.
      if (failure === null && (code === 1011 || code === 4500))
        failure = new Error(`closed with ${code}: ${reason}`);
      if (failure !== null) reject(failure);
      else resolve({ code: waiting.size === 0 ? null : code, heard });
    });
  });
}

describe('A connection', () => {
  it.each<[string, string]>([
    ['no subprotocol', ''],
    ['the subprotocol of long ago', 'graphql-ws'],
    ['a subprotocol of its own', 'x'],
  ])('with %s is closed or refused', async (_title, protocol) => {
    const { heard } = await talk([init, viewer], { protocol });
    expect(heard).toEqual([]);
  });

  it.each<[title: string, messages: Message[], code: number]>([
    ['an operation before it has signed in', [viewer], 4401],
    ['a wrong key', [message({ type: 'connection_init', payload: { 'x-api-key': 'wrong' } })], 4403],
    [
      'keys that are no text',
      [
        message({
          type: 'connection_init',
          payload: { authorization: ['Bearer', sandboxKey], 'x-api-key': {} },
        }),
      ],
      4403,
    ],
    ['a payload that is no object', [message({ type: 'connection_init', payload: 'x' })], 4400],
    ['signing in twice', [init, init], 4429],
    [
      'an operation under the id of another that runs',
      [
        init,
        subscribe('1', { query: 'subscription { batchesUpdated { seq } }' }),
        subscribe('1', { query: 'subscription { batchesUpdated { seq } }' }),
      ],
      4409,
    ],
    ['a message of no type', [init, '{}'], 4400],
    ['a message that only a server sends', [init, message({ type: 'next', id: '1', payload: {} })], 4400],
    ['such a message in other letters', [init, '{"type":"\\u006eext","id":"1","payload":{}}'], 4400],
    ['such a message before it has signed in', [message({ type: 'connection_ack' })], 4400],
    ['a message of an unknown type', [init, message({ type: 'start' })], 4400],
    ['no JSON', [init, '{'], 4400],
    ['JSON that is deep', [init, deepJson(40_000)], 4400],
    ['bytes that are no text', [init, Buffer.from([0xff, 0x00, 0xc3])], 4400],
    ['an operation without a text', [init, subscribe('1', {})], 4400],
    ['an operation whose text is a number', [init, subscribe('1', { query: 1 })], 4400],
    [
      'an operation whose variables are a list',
      [init, subscribe('1', { query: '{a}', variables: [] })],
      4400,
    ],
    ['an operation without an id', [init, subscribe('', { query: '{a}' })], 4400],
    ['a message that is too large', [init, 'x'.repeat(bodyBytesMax + 1)], 1009],
  ])('that brings %s is closed with a code that says so', async (_title, messages, code) => {
    await cases.each('connections', [messages], async (all) => {
      expect((await talk(all, { awaited: ['nothing'] })).code).toBe(code);
    });
  });

  it('is answered whatever the order of its messages', () => {
    const some = fc.constantFrom<Message>(
      init,
      viewer,
      subscribe('2', { query: '{ nothing }' }),
      subscribe('3', { query: '{' }),
      subscribe('4', { query: 'subscription { batchesUpdated { seq } }' }),
      subscribe('5', {
        query: 'mutation { deleteBatch(input: { batchId: "x" }) { __typename } }',
        operationName: 'No',
      }),
      message({ type: 'complete', id: '4' }),
      message({ type: 'complete', id: 'nobody' }),
      message({ type: 'ping' }),
      message({ type: 'pong', payload: { a: 1 } }),
      message({ type: 'next', id: '1', payload: {} }),
      message({ type: 'connection_ack' }),
    );
    const odd = fc.oneof(
      oddJson.map(message),
      fc.record({ type: oddJson, id: oddJson, payload: oddJson }, { requiredKeys: [] }).map(message),
      oddJson.map((payload) => subscribe('6', payload)),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    );
    const messages = fc.array(fc.oneof({ weight: 5, arbitrary: some }, { weight: 1, arbitrary: odd }), {
      maxLength: 8,
    });
    return cases.run('orders of messages', 200, fc.tuple(fc.boolean(), messages), async ([signedIn, all]) => {
      await talk(signedIn ? [init, ...all] : all);
    });
  });

  it('is answered whatever values its operations have', () =>
    cases.run(
      'values of arguments',
      250,
      anyOperation('subscription', 'query', 'mutation'),
      async (operation) => {
        await talk([init, subscribe('1', operation), viewer], { awaited: ['viewer'] });
      },
    ));

  it('is refused, or closed, where the handshake or a frame is broken', () => {
    const upgrade = (target: string, headers: Record<string, string>, after: Buffer = Buffer.alloc(0)) =>
      requestBytes(
        'GET',
        target,
        Object.entries({
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
          'sec-websocket-protocol': 'graphql-transport-ws',
          ...headers,
        }).filter(([, value]) => value !== ''),
        after,
      );
    const handshakes = [
      upgrade('/elsewhere', {}),
      upgrade('/graphql', { 'sec-websocket-key': 'short' }),
      upgrade('/graphql', { 'sec-websocket-key': '' }),
      upgrade('/graphql', { 'sec-websocket-version': '99' }),
      upgrade('/graphql', { upgrade: 'h2c' }),
      upgrade('/graphql', { 'sec-websocket-protocol': ',,' }),
      upgrade('/graphql', { 'sec-websocket-protocol': 'a'.repeat(5000) }),
      upgrade('/graphql', { 'sec-websocket-extensions': 'permessage-deflate; x=' }),
      upgrade('/graphql', { origin: 'https://evil.example' }),
      upgrade('/graphql', { origin: '\u00ff' }),
      upgrade('/%', {}),
      upgrade('//', {}),
    ];
    const frames = [
      // Not masked; reserved bits; no such kind; a length without its bytes; a control frame that is too long; a closing with half a code.
      [0x81, 0x02, 0x7b, 0x7d],
      [0xf1, 0x80, 0, 0, 0, 0],
      [0x8f, 0x80, 0, 0, 0, 0],
      [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0],
      [0x88, 0x81, 0, 0, 0, 0, 0x03],
      [0x80, 0x80, 0, 0, 0, 0],
    ].map((bytes) => Buffer.concat([upgrade('/graphql', { 'content-length': '' }), Buffer.from(bytes)]));
    return cases.each('handshakes and frames', [...handshakes, ...frames], async (bytes) => {
      const answer = await sendBytes(service.url, bytes, { whole: false });
      if (answer?.status !== 101) expectProper(answer, { whole: false });
    });
  });
});

describe('After all of it', () => {
  it('the service works as ever, and logged no fault', () => expectSound(service));

  it('nobody follows anything any more, and no more memory is held than before', async () => {
    await expect.poll(() => service.app.services.hub.size).toBe(0);
    expect(heapBytes() - heapAtFirst).toBeLessThan(40_000_000);
  });
});
