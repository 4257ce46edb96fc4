/**
 * The calls that carry no bodies of requests, as plain fetch: each is made once. Answers come as text, because their
 * characters are kept; every failure is a `ProviderFailure`. What an answer says is left to `wire.ts`, and the one
 * call that creates to `create.ts`.
 */
import { ProviderFailure } from '../failure.ts';
import { connectionFailure, failureOf } from '../http-failure.ts';
import type { ClientServices, Connection } from '../provider.ts';
import { readErrorAnswer } from './wire.ts';

/** Which messages of a job to show. */
export interface MessageQuery {
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  /** Show those behind the message with this id; null for all. */
  readonly after: string | null;
  /** Show those of this agent; null for all. */
  readonly agentId: string | null;
}

/** The calls for one set of credentials. */
export interface Calls {
  retrieve(id: string, signal: AbortSignal): Promise<string>;
  /** One page of the jobs that run, oldest first, behind the job with the id `after`. */
  list(after: string | null, signal: AbortSignal): Promise<string>;
  cancel(id: string, signal: AbortSignal): Promise<string>;
  messages(id: string, query: MessageQuery, signal: AbortSignal): Promise<string>;
}

/** Calls with these credentials. Opens no connection by itself. */
export function createCalls(connection: Connection, { clock, callSeconds = 60 }: ClientServices): Calls {
  const call = async (path: string, signal: AbortSignal, method = 'GET'): Promise<string> => {
    try {
      const answer = await fetch(addressOf(connection, path), {
        method,
        headers: callHeaders(connection),
        signal: AbortSignal.any([signal, AbortSignal.timeout(callSeconds * 1000)]),
        redirect: method === 'GET' ? 'follow' : 'error',
      });
      const text = await answer.text();
      if (answer.ok) return text;
      throw failureOf({
        ...readErrorAnswer(text),
        status: answer.status,
        headers: answer.headers,
        now: clock.now(),
        creates: false,
        apiKey: connection.apiKey,
      });
    } catch (error) {
      throw error instanceof ProviderFailure ? error : connectionFailure(error, { creates: false });
    }
  };

  return {
    retrieve: (id, signal) => call(jobPath(id), signal),
    list: (after, signal) =>
      call(`${batches}?${queryOf({ order: 'asc', limit: listPageSize, after })}`, signal),
    cancel: (id, signal) => call(`${jobPath(id)}/cancel`, signal, 'PATCH'),
    messages: (id, { agentId, ...query }, signal) =>
      call(`${jobPath(id)}/messages?${queryOf({ ...query, agent_id: agentId })}`, signal),
  };
}

/** The path of the batches, below `/v1`. */
export const batches = 'messages/batches';

/** The address of a path below `/v1`. The vendor's base URL comes without that, other people's often with it. */
export const addressOf = ({ baseUrl }: Connection, path: string): string =>
  `${baseUrl.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1/${path}`;

/** What every call carries. */
export const callHeaders = ({ apiKey }: Connection): Record<string, string> => ({
  accept: 'application/json',
  authorization: `Bearer ${apiKey}`,
});

/** The server's own default. */
const listPageSize = 100;

const jobPath = (id: string): string => `${batches}/${encodeURIComponent(id)}`;

const queryOf = (values: Readonly<Record<string, string | number | null>>): string => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null) query.set(name, String(value));
  return query.toString();
};
