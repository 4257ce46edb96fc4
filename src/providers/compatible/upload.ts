/**
 * The first half of a submission: the job's input file at the vendor. A file costs nothing and starts nothing, so
 * a lost answer is harmless here; it only has to be looked for before another is sent.
 *
 * Owned here: the file's name, its fields, finding a file again. Left to `client.ts`: when, and what the
 * file's id is good for.
 */
import type { Clock } from '../../clock.ts';
import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type { HttpAnswer } from '../http.ts';
import { uploadFile } from '../multipart.ts';
import type { Connection, Submission, SubmitPorts } from '../provider.ts';
import type { Calls } from './calls.ts';
import { encodeLine } from './encode.ts';
import { listedSince } from './listing.ts';
import type { Quirks } from './quirks.ts';
import { refusal } from './refusal.ts';
import { uploadRedirected } from './upload-redirected.ts';
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
  const left = await leftFile(submission, ports.signal, services).catch(noneIfUnlisted);
  return left ?? upload(submission, ports, services);
}

/** A service may have no list of files, or one that cannot be read; then the file is sent again, which costs nothing. */
const noneIfUnlisted = (failure: unknown): null => {
  if (!(failure instanceof ProviderFailure)) throw failure;
  if (failure.kind === 'malformed' || failure.status === 404 || failure.status === 405) return null;
  throw failure;
};

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
  { connection: { baseUrl, apiKey }, clock, quirks }: UploadServices,
): Promise<string> => {
  async function* content(): AsyncGenerator<string> {
    for await (const item of ports.items()) yield encodeLine(item);
  }
  const filename = nameOf(submission);
  const { purpose, uploadIdHeader } = quirks;
  // Without a part for the file, its name has no other place.
  const nameField = quirks.fileNameField ?? (uploadIdHeader === null ? null : 'file_name');
  const file = {
    url: `${baseUrl}${quirks.uploadPath}`,
    headers: { authorization: `Bearer ${apiKey}` },
    fields: { purpose, ...(nameField === null ? {} : { [nameField]: filename }) },
    content: content(),
    contentBytes: submission.encodedBytes,
    signal: ports.signal,
    guard: ports.guard,
  };
  const refuse = (answer: HttpAnswer): ProviderFailure => {
    const { status, headers, text } = answer;
    return refusal(readErrorBody(text), { status, headers, now: clock.now(), creates: false, apiKey });
  };
  if (uploadIdHeader !== null) return uploadRedirected(file, uploadIdHeader, refuse);
  const answer = await uploadFile({ ...file, filename });
  if (answer.status >= 200 && answer.status < 300) return understood(readFile, answer.text).id;
  throw refuse(answer);
};

const nameOf = ({ nonce }: Submission): string => `${nonce}.jsonl`;
