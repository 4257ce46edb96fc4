/** A client as a user would write it: GraphQL by fetch, live updates by graphql-ws. Counts what it sends. */
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

/** A client of one service. */
export interface DemoClient {
  /** Sends a document and answers its data; throws for top-level errors. */
  send<Data>(query: string, variables?: Record<string, unknown>): Promise<Data>;
  /** Follows a subscription until it completes. */
  follow<Data extends object>(query: string, variables: Record<string, unknown>): AsyncIterable<Data>;
  /** Downloads a URL line by line, parsed. */
  lines<Line>(url: string): Promise<Line[]>;
  /** How many requests were sent by `send` and `lines` so far. */
  readonly sent: number;
  close(): Promise<void>;
}

/** Connects to the service at `url` with a key. */
export function connectClient(url: string, key: string): DemoClient {
  const authorization = `Bearer ${key}`;
  const live = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
  });
  let sent = 0;
  return {
    async send<Data>(query: string, variables: Record<string, unknown> = {}) {
      sent += 1;
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization },
        body: JSON.stringify({ query, variables }),
      });
      const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] };
      if (errors !== undefined) throw new Error(errors.map(({ message }) => message).join('; '));
      return data;
    },
    async *follow<Data extends object>(query: string, variables: Record<string, unknown>) {
      for await (const { data, errors } of live.iterate<Data>({ query, variables })) {
        if (errors !== undefined) throw new Error(errors.map(({ message }) => message).join('; '));
        if (data !== undefined && data !== null) yield data;
      }
    },
    async lines<Line>(address: string) {
      sent += 1;
      const response = await fetch(address, { headers: { authorization } });
      if (!response.ok) throw new Error(`the download answered ${response.status}`);
      const text = await response.text();
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Line);
    },
    get sent() {
      return sent;
    },
    async close() {
      await live.dispose();
    },
  };
}
