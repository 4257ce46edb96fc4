/**
 * Subscribers over the two real transports, with published clients. They keep every message, so that a test can
 * wait for one without missing any.
 */
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWebSocketClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { sandboxKey } from '../../src/first-keys.ts';

/** A running subscription. */
export interface Subscriber {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape
  readonly messages: any[];
  /** Resolves to the first message, past or future, for which `matches` holds; rejects if the stream ends before. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  waitFor(matches: (data: any) => boolean): Promise<any>;
  /** Resolves when the server has completed the stream; rejects with its error. */
  readonly done: Promise<void>;
  /** Ends the subscription from the client's side. */
  stop(): Promise<void>;
}

/** How to subscribe. */
export interface SubscriptionRequest {
  readonly url: string;
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly key?: string;
}

/** Subscribes over WebSocket (graphql-transport-ws). */
export function subscribeByWebSocket({
  url,
  query,
  variables,
  key = sandboxKey,
}: SubscriptionRequest): Subscriber {
  const client = createWebSocketClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${key}` },
    retryAttempts: 0,
  });
  return collect(
    (sink) => client.subscribe({ query, ...(variables === undefined ? {} : { variables }) }, sink),
    async () => client.dispose(),
  );
}

/** Subscribes over server-sent events. */
export function subscribeBySse({ url, query, variables, key = sandboxKey }: SubscriptionRequest): Subscriber {
  const client = createSseClient({
    url: `${url}/graphql`,
    headers: { authorization: `Bearer ${key}` },
    retryAttempts: 0,
  });
  return collect(
    (sink) => client.subscribe({ query, ...(variables === undefined ? {} : { variables }) }, sink),
    async () => client.dispose(),
  );
}

/** Both transports by name, for tests that hold on each. */
export const transports = { WebSocket: subscribeByWebSocket, SSE: subscribeBySse };

interface Sink {
  next(value: unknown): void;
  error(error: unknown): void;
  complete(): void;
}

function collect(subscribe: (sink: Sink) => () => void, dispose: () => Promise<void>): Subscriber {
  // biome-ignore lint/suspicious/noExplicitAny: as above
  const messages: any[] = [];
  const waiting = new Set<() => void>();
  let ended: { error: unknown } | null = null;
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  done.catch(() => undefined);
  const wake = () => {
    for (const check of [...waiting]) check();
  };
  const unsubscribe = subscribe({
    next(value) {
      messages.push(value);
      wake();
    },
    error(error) {
      ended = { error };
      reject(error);
      wake();
    },
    complete() {
      ended ??= { error: new Error('the stream ended before') };
      resolve();
      wake();
    },
  });
  return {
    messages,
    done,
    waitFor(matches) {
      return new Promise((found, failed) => {
        const check = () => {
          const message = messages.find((candidate) => matches(candidate.data));
          if (message === undefined && ended === null) return;
          waiting.delete(check);
          if (message !== undefined) found(message.data);
          else failed(ended?.error);
        };
        waiting.add(check);
        check();
      });
    },
    async stop() {
      unsubscribe();
      await dispose();
    },
  };
}
