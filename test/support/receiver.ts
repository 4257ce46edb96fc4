/** A receiver of callbacks: a real HTTP server that keeps what it is sent, and answers as a test tells it. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { vi } from 'vitest';

/** A call that came. */
export interface ReceivedCall {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One answer, given to one call. */
export type Answer = number | ((response: ServerResponse) => void);

/** A running receiver. */
export interface Receiver {
  /** Where to call, with a path. */
  readonly url: string;
  readonly calls: ReceivedCall[];
  /** Answers the next calls so, one each; 204 where nothing is said. */
  answer(...answers: readonly Answer[]): void;
  close(): Promise<void>;
}

/** Starts one on this machine. */
export async function startReceiver(): Promise<Receiver> {
  const calls: ReceivedCall[] = [];
  const answers: Answer[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    calls.push({ method, path: url, headers, body: Buffer.concat(chunks).toString() });
    const answer = answers.shift() ?? 204;
    if (typeof answer === 'number') response.writeHead(answer).end();
    else answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    calls,
    answer: (...next) => void answers.push(...next),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The body, as a receiver has it that checks the call at `now` by the specification's own library; throws where it is not genuine. */
export function verified({ headers, body }: ReceivedCall, secret: string, now: Date): unknown {
  // The library asks the wall clock whether a call is fresh.
  vi.useFakeTimers({ toFake: ['Date'], now });
  try {
    return new Webhook(secret).verify(body, headers as Record<string, string>);
  } finally {
    vi.useRealTimers();
  }
}
