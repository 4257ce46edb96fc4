/** What `batchql upload` says to a service: GraphQL with a key, and the file to the URL that it gets. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { StartError } from '../errors.ts';
import { type OpenFile, writeAll } from './upload-file.ts';

/** A service that runs somewhere. */
export interface RemoteService {
  /** The data of an answer. Throws `StartError` for what the service or the way to it refuses. */
  ask<Data>(query: string, variables: Readonly<Record<string, unknown>>): Promise<Data>;
}

/** The service at this URL, spoken to with this key. */
export const remoteService = (url: string, key: string): RemoteService => ({
  async ask<Data>(query: string, variables: Readonly<Record<string, unknown>>) {
    const response = await fetch(new URL('graphql', url.endsWith('/') ? url : `${url}/`), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    }).catch((error: Error) => {
      throw unreachable(url, error);
    });
    if (response.status === 401)
      throw new StartError(`${url} does not know the key in BATCHQL_API_KEY, or it has ended.`);
    const answer = await response.json().catch(() => null);
    const { data, errors } = Object(answer) as { data?: Data; errors?: { message: string }[] };
    if (errors !== undefined) throw new StartError(errors.map(({ message }) => message).join(' '));
    if (data === undefined || data === null)
      throw new StartError(`${url} answers ${response.status}, and not as BatchQL does.`);
    return data;
  },
});

/** What a file was answered. */
export interface FileAnswer {
  readonly status: number;
  readonly body: {
    readonly upload?: UploadStanding;
    readonly dryRun?: DryRunStanding;
    readonly error?: { readonly code: string; readonly message: string; readonly upload?: UploadStanding };
  };
}

/** An upload, as its URL tells of it. */
export interface UploadStanding {
  readonly status: string;
  readonly lines: number;
  readonly requests: number;
  readonly issues: readonly { readonly message: string }[];
  readonly issueCount: number;
}

/** What came of a file that was only checked. */
export interface DryRunStanding {
  readonly issues: readonly { readonly message: string }[];
  readonly issueCount: number;
  readonly missingSetting: string | null;
  readonly quotasExceeded: readonly object[];
  readonly budgetExceeded: object | null;
  readonly jobs: readonly object[];
  readonly cost: { readonly low: string; readonly high: string | null } | null;
}

/** Sends the file, and answers what it was answered; null where no answer came. Breaks off when it is told to. */
export function sendFile(
  url: string,
  file: OpenFile,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<FileAnswer | null> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'PUT',
      signal,
      headers: {
        ...(file.bytes === null ? {} : { 'content-length': file.bytes }),
        ...(file.isGzip ? { 'content-encoding': 'gzip' } : {}),
      },
    });
    // An answer that comes before the end of the file is a refusal: nobody reads the rest.
    const answered = new AbortController();
    sent.once('response', (response) => {
      answered.abort();
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('error', () => resolve(null));
      response.once('end', () => {
        sent.destroy();
        const body = parsed(Buffer.concat(pieces).toString());
        resolve(body === null ? null : { status: response.statusCode ?? 0, body });
      });
    });
    sent.on('error', () => resolve(null));
    writeAll(file, sent, onBytes, AbortSignal.any([signal, answered.signal])).catch((error: Error) => {
      sent.destroy();
      reject(new StartError(`${file.name} cannot be read to its end: ${error.message}.`));
    });
  });
}

function parsed(text: string): FileAnswer['body'] | null {
  try {
    return Object(JSON.parse(text));
  } catch {
    return null;
  }
}

const unreachable = (url: string, error: Error): StartError => {
  const { code } = Object(error.cause) as { code?: string };
  return new StartError(
    `${url} cannot be reached (${code ?? error.message}); --url says where the service is.`,
  );
};
