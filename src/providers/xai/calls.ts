/**
 * The calls of the Batch API's wire, as plain fetch: each is made once, because only we know what is safe to send
 * again. Answers come back as the text they are, because a report keeps them verbatim; every failure is a
 * `ProviderFailure`. What an answer says is left to `wire.ts`, what goes into a call that adds to `add.ts`.
 */
import { ProviderFailure } from '../failure.ts';
import { type HttpAnswer, smallRequest, streamedRequest } from '../http.ts';
import { connectionFailure } from '../http-failure.ts';
import type { ClientServices, Connection, SubmitPorts } from '../provider.ts';
import { toFailure } from './failures.ts';

/** The calls for one set of credentials. All but `add` answer within `callSeconds`. */
export interface Calls {
  /** Creates an empty batch; a lost answer is `uncertain`. */
  create(name: string, ports: SendingPorts): Promise<string>;
  /**
   * Adds what `body` says. A lost answer is `unavailable`: what a batch holds is listed before anything is added
   * again, and a batch that was just made and cannot be found is one that cannot be found yet.
   */
  add(batchId: string, body: CallBody, ports: SendingPorts): Promise<void>;
  retrieve(batchId: string, signal: AbortSignal): Promise<string>;
  cancel(batchId: string, signal: AbortSignal): Promise<string>;
  /** One page of all batches; a null `token` asks for the first. */
  list(token: string | null, signal: AbortSignal): Promise<string>;
  /** One page of a batch's requests. */
  requests(batchId: string, token: string | null, signal: AbortSignal): Promise<string>;
  /** One page of a batch's results. */
  results(batchId: string, token: string | null, signal: AbortSignal): Promise<string>;
}

/** What keeps a call that sends from being made too late. */
export type SendingPorts = Pick<SubmitPorts, 'signal' | 'guard'>;

/** The body of a call, in pieces, with the exact bytes of all. */
export interface CallBody {
  readonly pieces: readonly string[];
  readonly bytes: number;
}

/** How many entries a page has. Results are whole answers and a page is held in memory, so that theirs are smaller. */
const pageSizes = { batches: 100, requests: 1_000, results: 250 };

/** Calls with these credentials. Opens no connection by itself. */
export function createCalls(connection: Connection, { clock, callSeconds = 60 }: ClientServices): Calls {
  const { apiKey } = connection;
  const headers = { accept: 'application/json', authorization: `Bearer ${apiKey}` };
  const told = (answer: HttpAnswer, creates: boolean): string => {
    if (answer.status >= 200 && answer.status < 300) return answer.text;
    throw toFailure(answer, { creates, now: clock.now(), apiKey });
  };

  const within = (signal: AbortSignal): AbortSignal =>
    AbortSignal.any([signal, AbortSignal.timeout(callSeconds * 1000)]);

  const send = async (path: string, signal: AbortSignal, init: RequestInit = {}): Promise<string> => {
    try {
      const answer = await fetch(addressOf(connection, path), {
        ...init,
        headers,
        redirect: init.method === 'POST' ? 'error' : 'follow',
        signal: within(signal),
      });
      const text = await answer.text();
      return told({ status: answer.status, headers: answer.headers, text }, false);
    } catch (error) {
      throw error instanceof ProviderFailure ? error : connectionFailure(error, { creates: false });
    }
  };

  const page = (path: string, limit: number, token: string | null, signal: AbortSignal): Promise<string> => {
    const query = new URLSearchParams({ limit: String(limit) });
    if (token !== null) query.set('pagination_token', token);
    return send(`${path}?${query}`, signal);
  };

  return {
    async create(name, { signal, guard }) {
      const answer = await smallRequest({
        url: addressOf(connection, 'batches'),
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ name }),
        signal: within(signal),
        guard,
      });
      return told(answer, true);
    },
    async add(batchId, { pieces, bytes }, { signal, guard }) {
      const answer = await harmless(
        streamedRequest({
          url: addressOf(connection, `${pathOf(batchId)}/requests`),
          headers: { ...headers, 'content-type': 'application/json' },
          body: oneByOne(pieces),
          contentLength: bytes,
          signal,
          guard,
        }),
      );
      try {
        told(answer, false);
      } catch (failure) {
        if (!(failure instanceof ProviderFailure) || failure.status !== 404) throw failure;
        throw new ProviderFailure('unavailable', failure);
      }
    },
    retrieve: (batchId, signal) => send(pathOf(batchId), signal),
    cancel: (batchId, signal) => send(`${pathOf(batchId)}:cancel`, signal, { method: 'POST' }),
    list: (token, signal) => page('batches', pageSizes.batches, token, signal),
    requests: (batchId, token, signal) =>
      page(`${pathOf(batchId)}/requests`, pageSizes.requests, token, signal),
    results: (batchId, token, signal) => page(`${pathOf(batchId)}/results`, pageSizes.results, token, signal),
  };
}

const pathOf = (batchId: string): string => `batches/${encodeURIComponent(batchId)}`;

/** The address of a path below `/v1`, with which the vendor's base URL ends, and other people's often does not. */
const addressOf = ({ baseUrl }: Connection, path: string): string =>
  `${baseUrl.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1/${path}`;

async function* oneByOne(pieces: readonly string[]): AsyncGenerator<string> {
  yield* pieces;
}

/** Adding twice adds once, so that nothing about it can be uncertain. */
const harmless = async (sending: Promise<HttpAnswer>): Promise<HttpAnswer> => {
  try {
    return await sending;
  } catch (error) {
    if (!(error instanceof ProviderFailure) || error.kind !== 'uncertain') throw error;
    throw new ProviderFailure('unavailable', error);
  }
};
