/** Uploads as clients make them: a URL by GraphQL, and a file sent to it over a real socket, whole or in pieces. */
import { type ClientRequest, request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { bodyFor } from './documents.ts';
import type { TestService } from './service.ts';

/** Makes an upload and answers the payload, or the typed error. */
export const createUploadDocument = `mutation($input: CreateUploadInput!) { createUpload(input: $input) {
  __typename
  ... on CreateUploadPayload { url replayed upload { id uuid status expiresAt } batch { id uuid status } }
  ... on Error { code message }
  ... on ValidationError { issues { path message } } } }`;

/** An upload as tests look at it. */
export const uploadFields = `id status bytes bytesExpected lines requests issueCount issues { path line message }
  error { code message } isDryRun batch { id status counts { total pending } }`;

/** Makes an upload of this service; its URL and ids. */
export async function createUpload(service: TestService, input: Record<string, unknown>, key?: string) {
  const { data } = await service.query(createUploadDocument, { input }, key);
  return data.createUpload as {
    url: string;
    replayed: boolean;
    upload: { id: string; uuid: string; status: string; expiresAt: string };
    batch: { id: string; uuid: string; status: string };
  };
}

/** What a PUT was answered. */
export interface PutAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

/** Sends a whole file. */
export async function putFile(
  url: string,
  file: string | Buffer,
  headers: Record<string, string> = {},
): Promise<PutAnswer> {
  const response = await fetch(url, { method: 'PUT', body: new Uint8Array(Buffer.from(file)), headers });
  return { status: response.status, body: await response.json() };
}

/** The same, zipped. */
export const putZipped = (url: string, file: string): Promise<PutAnswer> =>
  putFile(url, gzipSync(file), { 'content-encoding': 'gzip' });

/** A file that is being sent, piece by piece. */
export interface Sending {
  /** Resolves when the piece has left this process. */
  send(piece: string | Buffer): Promise<void>;
  end(): void;
  /** Goes away in the middle. */
  abort(): void;
  readonly answer: Promise<PutAnswer>;
}

/** Begins to send a file of unknown length. */
export function beginFile(url: string, headers: Record<string, string> = {}): Sending {
  let sent: ClientRequest;
  const answer = new Promise<PutAnswer>((resolve, reject) => {
    sent = request(url, { method: 'PUT', headers }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('error', reject);
      response.once('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(pieces).toString()) }),
      );
    });
    sent.once('error', reject);
    sent.flushHeaders();
  });
  answer.catch(() => undefined);
  return {
    send: (piece) =>
      new Promise((resolve, reject) => sent.write(piece, (error) => (error ? reject(error) : resolve()))),
    end: () => void sent.end(),
    abort: () => void sent.destroy(),
    answer,
  };
}

/** So many lines that a provider takes, called `<prefix><n>` from `from` on. */
export const linesFor = (provider: string, count: number, prefix = 'id-', from = 0): string =>
  Array.from(
    { length: count },
    (_, index) =>
      `${JSON.stringify({ customId: `${prefix}${from + index}`, body: bodyFor(provider, `question ${from + index}`) })}\n`,
  ).join('');
