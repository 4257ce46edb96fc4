/**
 * The first half of a submission: the job's input file at the vendor. A file costs nothing and starts nothing, so
 * a lost answer is harmless here; it only has to be looked for before another is sent.
 *
 * Owned here: the file's name, its fields, finding a file again. Left to `client.ts`: when, and what the
 * file's id is good for.
 */
import type { Clock } from '../../clock.ts';
import { failureOf } from '../http-failure.ts';
import { uploadFile } from '../multipart.ts';
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
  async function* content(): AsyncGenerator<string> {
    for await (const item of ports.items()) yield encodeLine(item);
  }
  const filename = nameOf(submission);
  const { purpose, fileNameField } = quirks;
  const answer = await uploadFile({
    url: `${connection.baseUrl}${quirks.uploadPath}`,
    headers: { authorization: `Bearer ${connection.apiKey}` },
    fields: { purpose, ...(fileNameField === null ? {} : { [fileNameField]: filename }) },
    filename,
    content: content(),
    contentBytes: submission.encodedBytes,
    signal: ports.signal,
  });
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
