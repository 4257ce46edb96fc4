/**
 * The calls of the batch and files wire, as plain fetch: each is made once, because only we know what is safe to send
 * again. Answers come back as the text they are, because a report keeps them verbatim; every failure is a
 * `ProviderFailure`. The two calls that stream are left to `upload.ts` and `download.ts`.
 */
import type { JsonObject } from '../../domain/json-line.ts';
import { ProviderFailure } from '../failure.ts';
import { smallRequest } from '../http.ts';
import { connectionFailure } from '../http-failure.ts';
import type { ClientServices, Connection, SubmitPorts } from '../provider.ts';
import { download } from './download.ts';
import { refusalOf } from './refusal.ts';

/** The calls for one set of credentials. Those that answer a text do so within `callSeconds`. */
export interface Calls {
  /** Creates a job of a model, at the method that makes jobs of such requests; a lost answer is `uncertain`. */
  create(
    job: { model: string; method: string; batch: JsonObject },
    ports: Pick<SubmitPorts, 'signal' | 'guard'>,
  ): Promise<string>;
  /** `name` is the vendor's own for a job, `batches/…`. */
  retrieve(name: string, signal: AbortSignal): Promise<string>;
  /** One page of the list of jobs; null in `token` is the first. */
  list(token: string | null, signal: AbortSignal): Promise<string>;
  /** Asks to stop; the answer says nothing. */
  cancel(name: string, signal: AbortSignal): Promise<string>;
  /** Begins the upload of a file of so many bytes; where its bytes are to be sent, null where that is not told. */
  beginUpload(file: { displayName: string; bytes: number }, signal: AbortSignal): Promise<string | null>;
  /** How a file of ours is doing, by its name. */
  file(name: string, signal: AbortSignal): Promise<string>;
  /** Deletes a file by its name, or a job that is over. */
  delete(name: string, signal: AbortSignal): Promise<string>;
  /** Streams a file, for as long as bytes keep coming. */
  content(name: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** How many jobs one page of the list holds. */
const pageSize = 100;

/** Calls with these credentials. Opens no connection by itself. */
export function createCalls(connection: Connection, { clock, callSeconds = 60 }: ClientServices): Calls {
  const callMilliseconds = callSeconds * 1000;
  const within = (signal: AbortSignal): AbortSignal =>
    AbortSignal.any([signal, AbortSignal.timeout(callMilliseconds)]);

  const call = async <T>(
    path: string,
    init: RequestInit,
    signal: AbortSignal,
    { read }: { read: (answer: Response) => T | Promise<T> },
  ): Promise<T> => {
    try {
      const answer = await fetch(addressOf(connection, path), {
        ...init,
        headers: { ...init.headers, ...callHeaders(connection) },
        // Fetch would take our header for credentials to wherever a redirect leads.
        redirect: init.method === 'POST' ? 'error' : 'manual',
        signal: within(signal),
      });
      if (answer.ok) return await read(answer);
      const { status, headers } = answer;
      const { apiKey } = connection;
      throw refusalOf({
        status,
        headers,
        text: await answer.text(),
        now: clock.now(),
        creates: false,
        apiKey,
      });
    } catch (error) {
      throw error instanceof ProviderFailure ? error : connectionFailure(error, { creates: false });
    }
  };
  const read = (answer: Response): Promise<string> => answer.text();

  return {
    async create({ model, method, batch }, { signal, guard }) {
      const { headers, body } = posted({ batch });
      const answer = await smallRequest({
        url: addressOf(connection, `v1beta/${pathOf(modelName(model))}:${method}`),
        headers: { ...headers, ...callHeaders(connection) },
        body,
        signal: within(signal),
        guard,
      });
      if (answer.status >= 200 && answer.status < 300) return answer.text;
      throw refusalOf({ ...answer, now: clock.now(), creates: true, apiKey: connection.apiKey });
    },
    retrieve: (name, signal) => call(`v1beta/${pathOf(name)}`, {}, signal, { read }),
    list(token, signal) {
      const query = new URLSearchParams({
        pageSize: String(pageSize),
        ...(token === null ? {} : { pageToken: token }),
      });
      return call(`v1beta/batches?${query}`, {}, signal, { read });
    },
    cancel: (name, signal) => call(`v1beta/${pathOf(name)}:cancel`, posted({}), signal, { read }),
    beginUpload({ displayName, bytes }, signal) {
      const { headers, ...rest } = posted({ file: { displayName } });
      const upload = {
        'x-goog-upload-protocol': 'resumable',
        'x-goog-upload-command': 'start',
        'x-goog-upload-header-content-length': String(bytes),
        'x-goog-upload-header-content-type': 'application/jsonl',
      };
      return call('upload/v1beta/files', { ...rest, headers: { ...headers, ...upload } }, signal, {
        async read(answer) {
          await answer.text();
          return answer.headers.get('x-goog-upload-url');
        },
      });
    },
    file: (name, signal) => call(`v1beta/${pathOf(name)}`, {}, signal, { read }),
    delete: (name, signal) => call(`v1beta/${pathOf(name)}`, { method: 'DELETE' }, signal, { read }),
    content: (name, signal) =>
      download(addressOf(connection, `download/v1beta/${pathOf(name)}:download?alt=media`), {
        connection,
        clock,
        callMilliseconds,
        signal,
      }),
  };
}

const posted = (body: JsonObject) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** A tuned model has a name of its own; any other is known with and without `models/`. */
const modelName = (model: string): string =>
  /^(?:models|tunedModels)\//.test(model) ? model : `models/${model}`;

/** A name as a path; whatever stands between its slashes cannot become more of it, nor, being dots, lead out of it. */
const pathOf = (name: string): string =>
  name
    .split('/')
    .map((part) => encodeURIComponent(part).replace(/^\.{1,2}$/, '-'))
    .join('/');

/** The address of a path. The vendor's base URL comes without the version, other people's often with it. */
export const addressOf = ({ baseUrl }: Pick<Connection, 'baseUrl'>, path: string): string =>
  `${baseUrl.replace(/\/+$/, '').replace(/\/v1(?:beta)?$/, '')}/${path}`;

/** What every call carries that goes to the vendor as us. */
export const callHeaders = ({ apiKey }: Pick<Connection, 'apiKey'>): Record<string, string> => ({
  accept: 'application/json',
  'x-goog-api-key': apiKey,
});
