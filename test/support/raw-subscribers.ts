/**
 * Subscribers close to the wire, for tests of what published clients do not do: stop reading, stop answering, or
 * vanish without a word. Elsewhere `subscribers.ts` is meant.
 */
import { request as sendRequest } from 'node:http';
import { WebSocket } from 'ws';
import { sandboxKey } from '../../src/first-keys.ts';
import type { SubscriptionRequest } from './subscribers.ts';

/** A subscription whose connection is in the test's hands. */
export interface RawSubscriber {
  /** The payloads received so far. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape
  readonly messages: any[];
  /** Resolves when so many messages have arrived. */
  received(count: number): Promise<void>;
  /** Resolves when the server has said that the stream is complete. */
  readonly completed: Promise<void>;
  /** Resolves when the connection is gone: to the WebSocket's closing code, to null for SSE. */
  readonly closed: Promise<number | null>;
  /** Takes no more bytes from the connection. */
  pause(): void;
  resume(): void;
  /** Cuts the connection without a word. */
  destroy(): void;
}

/** Subscribes over WebSocket; `answersPings` false makes it look dead to the server. */
export function subscribeRawByWebSocket(
  { url, query, variables, key = sandboxKey }: SubscriptionRequest,
  { answersPings = true } = {},
): RawSubscriber {
  const inbox = createInbox();
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws', {
    autoPong: answersPings,
  });
  const send = (message: object) => socket.send(JSON.stringify(message));
  socket.on('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }));
  socket.on('message', (data) => {
    const { type, payload } = JSON.parse(String(data));
    if (type === 'connection_ack') send({ id: '1', type: 'subscribe', payload: { query, variables } });
    if (type === 'next') inbox.add(payload);
    if (type === 'complete') inbox.complete();
  });
  // A connection that breaks is told by its closing.
  socket.on('error', () => undefined);
  socket.on('close', (code) => inbox.close(code));
  return {
    ...inbox.subscriber,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    destroy: () => socket.terminate(),
  };
}

/** Subscribes over server-sent events. */
export function subscribeRawBySse({
  url,
  query,
  variables,
  key = sandboxKey,
}: SubscriptionRequest): RawSubscriber {
  const inbox = createInbox();
  const headers = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    authorization: `Bearer ${key}`,
  };
  const request = sendRequest(`${url}/graphql`, { method: 'POST', headers, agent: false });
  let paused = false;
  let chunks: string[] = [];
  const response = new Promise<NodeJS.ReadableStream>((resolve) => request.on('response', resolve));
  response.then((stream) => {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      chunks.push(text);
      // Only at a line's end can a message be whole.
      if (!text.includes('\n')) return;
      const blocks = chunks.join('').split('\n\n');
      chunks = [blocks.pop() ?? ''];
      for (const block of blocks) {
        if (block.startsWith('event: next')) inbox.add(JSON.parse(block.slice(block.indexOf('data:') + 5)));
        if (block.startsWith('event: complete')) inbox.complete();
      }
    });
    stream.on('error', () => undefined);
    if (paused) stream.pause();
  });
  request.on('error', () => undefined);
  request.on('close', () => inbox.close(null));
  request.end(JSON.stringify({ query, variables }));
  return {
    ...inbox.subscriber,
    pause() {
      paused = true;
      response.then((stream) => stream.pause());
    },
    resume() {
      paused = false;
      response.then((stream) => stream.resume());
    },
    destroy: () => void request.destroy(),
  };
}

/** Both transports by name. */
export const rawTransports = { WebSocket: subscribeRawByWebSocket, SSE: subscribeRawBySse };

function createInbox() {
  const messages: unknown[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const completed = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<number | null>();
  return {
    subscriber: {
      messages,
      completed: completed.promise,
      closed: closed.promise,
      received: (count: number) =>
        new Promise<void>((resolve) => {
          if (messages.length >= count) resolve();
          else waiting.push({ count, resolve });
        }),
    },
    add(payload: unknown) {
      messages.push(payload);
      for (const { count, resolve } of waiting) if (messages.length >= count) resolve();
    },
    complete: completed.resolve,
    close: closed.resolve,
  };
}
