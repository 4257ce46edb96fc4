/**
 * The calls of the batch jobs' and files' wire, as plain fetch: each is made once, because only we know what is safe
 * to send again. Answers come back as the text they are, because a report keeps them verbatim; every failure is a
 * `ProviderFailure`. Uploading, which streams a body, is left to `upload.ts`.
 */
import type { JsonObject } from '../../domain/json-line.ts';
import { ProviderFailure } from '../failure.ts';
import { type HttpAnswer, smallRequest } from '../http.ts';
import { connectionFailure, failureOf } from '../http-failure.ts';
import type { ClientServices, Connection, SubmitPorts } from '../provider.ts';
import { readErrorBody } from './wire.ts';

/** The calls for one set of credentials. Those that answer a text do so within `callSeconds`. */
export interface Calls {
  /** Creates a job; a lost answer is `uncertain`. */
  create(creation: JsonObject, ports: Pick<SubmitPorts, 'signal' | 'guard'>): Promise<string>;
  retrieve(id: string, signal: AbortSignal): Promise<string>;
  /** One page of the list of jobs, newest first, counted from 0; `metadata` keeps only the jobs that carry it. */
  list(page: number, metadata: Readonly<Record<string, string>>, signal: AbortSignal): Promise<string>;
  cancel(id: string, signal: AbortSignal): Promise<string>;
  deleteFile(fileId: string, signal: AbortSignal): Promise<string>;
  /** Streams a file, for as long as bytes keep coming. */
  content(fileId: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** How many jobs one page of the list holds; the vendor's own default. */
const pageSize = 100;

/** Calls with these credentials. Opens no connection by itself. */
export function createCalls(connection: Connection, { clock, callSeconds = 60 }: ClientServices): Calls {
  const { apiKey } = connection;
  const callMilliseconds = callSeconds * 1000;

  const within = (signal: AbortSignal): AbortSignal =>
    AbortSignal.any([signal, AbortSignal.timeout(callMilliseconds)]);
  const refusal = ({ status, headers, text }: HttpAnswer, creates: boolean): ProviderFailure =>
    failureOf({ ...readErrorBody(text), status, headers, now: clock.now(), creates, apiKey });

  const send = async (path: string, init: RequestInit): Promise<Response> => {
    const answer = await fetch(addressOf(connection, path), {
      ...init,
      headers: { ...init.headers, ...callHeaders(connection) },
      redirect: init.method === 'POST' ? 'error' : 'follow',
    });
    if (answer.ok) return answer;
    throw refusal({ status: answer.status, headers: answer.headers, text: await answer.text() }, false);
  };

  const text = async (path: string, init: RequestInit, signal: AbortSignal): Promise<string> => {
    try {
      const answer = await send(path, { ...init, signal: within(signal) });
      return await answer.text();
    } catch (error) {
      throw error instanceof ProviderFailure ? error : connectionFailure(error, { creates: false });
    }
  };

  return {
    async create(creation, { signal, guard }) {
      const answer = await smallRequest({
        url: addressOf(connection, jobs),
        headers: { 'content-type': 'application/json', ...callHeaders(connection) },
        body: JSON.stringify(creation),
        signal: within(signal),
        guard,
      });
      if (answer.status >= 200 && answer.status < 300) return answer.text;
      throw refusal(answer, true);
    },
    retrieve: (id, signal) => text(`${jobs}/${encodeURIComponent(id)}`, {}, signal),
    list(page, metadata, signal) {
      const query = new URLSearchParams({
        page: String(page),
        page_size: String(pageSize),
        order_by: '-created',
        ...metadata,
      });
      return text(`${jobs}?${query}`, {}, signal);
    },
    cancel: (id, signal) => text(`${jobs}/${encodeURIComponent(id)}/cancel`, { method: 'POST' }, signal),
    deleteFile: (fileId, signal) => text(`files/${encodeURIComponent(fileId)}`, { method: 'DELETE' }, signal),
    async *content(fileId, signal) {
      const slow = new AbortController();
      const timer = setTimeout(() => slow.abort(), callMilliseconds);
      try {
        const path = `files/${encodeURIComponent(fileId)}/content`;
        const answer = await send(path, { signal: AbortSignal.any([signal, slow.signal]) });
        // From here on the file may take as long as it takes.
        clearTimeout(timer);
        if (answer.body !== null) yield* answer.body;
      } catch (error) {
        throw error instanceof ProviderFailure ? error : connectionFailure(error, { creates: false });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

const jobs = 'batch/jobs';

/** The address of a path below `/v1`. The vendor's base URL comes without that, other people's often with it. */
export const addressOf = ({ baseUrl }: Connection, path: string): string =>
  `${baseUrl.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1/${path}`;

/** What every call carries. */
export const callHeaders = ({ apiKey }: Connection): Record<string, string> => ({
  accept: 'application/json',
  authorization: `Bearer ${apiKey}`,
});
