/**
 * The first half of a submission: the job's input file at the vendor. A file costs nothing and starts nothing, so
 * a lost answer is harmless here; it only has to be looked for before another is sent.
 *
 * Owned here: the file's name, the multipart frame, finding a file again. Left to `client.ts`: when, and what the
 * file's id is good for.
 */
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { ProviderFailure } from '../failure.ts';
import { type HttpAnswer, streamedRequest } from '../http.ts';
import { failureOf } from '../http-failure.ts';
import type { Connection, Submission, SubmitPorts } from '../provider.ts';
import { type Calls, understood } from './calls.ts';
import { encodeLine } from './encode.ts';
import { listedSince } from './listing.ts';
import type { Quirks } from './quirks.ts';
import { readErrorBody, readFile, readFilePage } from './wire.ts';

/** What uploading needs. */
export interface UploadServices {
  readonly calls: Calls;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly quirks: Quirks;
}

/** How far our clock and the vendor's may be apart. */
export const clockSkewMilliseconds = 5 * 60 * 1000;

/** The id of the job's input file: of one that an earlier try left, else of a new one. */
export async function inputFile(
  submission: Submission,
  ports: SubmitPorts,
  services: UploadServices,
): Promise<string> {
  return (await leftFile(submission, ports.signal, services)) ?? upload(submission, ports, services);
}

/** A file with this job's name that arrived whole. */
const leftFile = async (
  submission: Submission,
  signal: AbortSignal,
  { calls, quirks }: UploadServices,
): Promise<string | null> => {
  const readPage = async (after: string | null) => {
    const inPages = {
      purpose: quirks.purpose,
      order: 'desc',
      limit: 100,
      ...(after === null ? {} : { after }),
    } as const;
    const query = quirks.list === 'pages' ? inPages : {};
    return understood(
      readFilePage,
      await calls.text((sdk, options) => sdk.files.list(query, options), { signal }),
    );
  };
  const since = new Date(submission.intentAt.getTime() - clockSkewMilliseconds);
  for await (const file of listedSince(readPage, since)) {
    const ours = file.filename === nameOf(submission) && file.bytes === submission.encodedBytes;
    if (ours && file.status !== 'error') return file.id;
  }
  return null;
};

const upload = async (
  submission: Submission,
  ports: SubmitPorts,
  { connection, clock, quirks }: UploadServices,
): Promise<string> => {
  const boundary = `batchql-${randomUUID()}`;
  const { before, after } = frame(boundary, nameOf(submission), quirks);
  async function* body(): AsyncGenerator<string> {
    yield before;
    for await (const item of ports.items()) yield encodeLine(item);
    yield after;
  }
  const answer = await harmless(
    streamedRequest({
      url: `${connection.baseUrl}${quirks.uploadPath}`,
      headers: {
        authorization: `Bearer ${connection.apiKey}`,
        'content-type': `multipart/form-data; boundary=${boundary}`,
      },
      body: body(),
      contentLength: before.length + submission.encodedBytes + after.length,
      signal: ports.signal,
    }),
  );
  if (answer.status >= 200 && answer.status < 300) return understood(readFile, answer.text).id;
  throw failureOf({
    ...readErrorBody(answer.text),
    status: answer.status,
    headers: answer.headers,
    now: clock.now(),
    creates: false,
    apiKey: connection.apiKey,
  });
};

const nameOf = ({ nonce }: Submission): string => `${nonce}.jsonl`;

/** What stands around the file's bytes; all of it is ASCII, so that characters are bytes. */
const frame = (
  boundary: string,
  filename: string,
  { purpose, fileNameField }: Quirks,
): { before: string; after: string } => ({
  before: [
    ...field(boundary, 'purpose', purpose),
    ...(fileNameField === null ? [] : field(boundary, fileNameField, filename)),
    `--${boundary}`,
    `Content-Disposition: form-data; name="file"; filename="${filename}"`,
    'Content-Type: application/jsonl',
    '',
    '',
  ].join('\r\n'),
  after: `\r\n--${boundary}--\r\n`,
});

const field = (boundary: string, name: string, value: string): string[] => [
  `--${boundary}`,
  `Content-Disposition: form-data; name="${name}"`,
  '',
  value,
];

/** A file that may or may not have arrived creates nothing that must not be created twice. */
const harmless = async (sending: Promise<HttpAnswer>): Promise<HttpAnswer> => {
  try {
    return await sending;
  } catch (error) {
    if (!(error instanceof ProviderFailure) || error.kind !== 'uncertain') throw error;
    throw new ProviderFailure('unavailable', error);
  }
};
