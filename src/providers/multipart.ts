/**
 * A file on its way to a vendor: one multipart form, its file streamed, its length known beforehand. A file that is
 * merely uploaded costs nothing and starts nothing, so a lost answer is harmless; one that starts a job is not.
 *
 * Owned here: the frame around the file, and what a lost answer means. Left to others: sending (`http.ts`), which
 * fields a vendor wants and what its answer says (each vendor's folder).
 */
import { randomUUID } from 'node:crypto';
import { ProviderFailure } from './failure.ts';
import { type Guard, type HttpAnswer, streamedRequest } from './http.ts';

/** A file, the form that it stands in, and where that goes. */
export interface FileUpload {
  readonly url: string;
  /** Without those that tell of the form: its type and its length. */
  readonly headers: Readonly<Record<string, string>>;
  /** Plain fields, before the file. Names and values are ASCII, without quotes and line breaks. */
  readonly fields: Readonly<Record<string, string>>;
  /** The name of the file's part, as plain as the fields; `file` where absent. */
  readonly fileField?: string;
  /** As plain as the fields. */
  readonly filename: string;
  readonly content: AsyncIterable<string>;
  /** Exact bytes of the content. */
  readonly contentBytes: number;
  readonly signal: AbortSignal;
  readonly guard: Guard;
}

/**
 * Sends the file and reads the answer, whatever its status. Where there is no answer it throws `unavailable`; what
 * goes wrong with the content is thrown as the plain error it is.
 */
export async function uploadFile(upload: FileUpload): Promise<HttpAnswer> {
  return harmless(sendFile(upload));
}

/** The same for a form that creates something by itself: where there is no answer it throws as `streamedRequest` does. */
export async function sendFile(upload: FileUpload): Promise<HttpAnswer> {
  const boundary = `batchql-${randomUUID()}`;
  const { before, after } = frame(boundary, upload);
  async function* body(): AsyncGenerator<string> {
    yield before;
    yield* upload.content;
    yield after;
  }
  return streamedRequest({
    url: upload.url,
    headers: { ...upload.headers, 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: body(),
    contentLength: before.length + upload.contentBytes + after.length,
    signal: upload.signal,
    guard: upload.guard,
  });
}

/** What stands around the file's bytes; all of it is ASCII, so that characters are bytes. */
const frame = (
  boundary: string,
  { fields, fileField = 'file', filename }: Pick<FileUpload, 'fields' | 'fileField' | 'filename'>,
): { before: string; after: string } => ({
  before: [
    ...Object.entries(fields).flatMap(([name, value]) => [
      `--${boundary}`,
      `Content-Disposition: form-data; name="${name}"`,
      '',
      value,
    ]),
    `--${boundary}`,
    `Content-Disposition: form-data; name="${fileField}"; filename="${filename}"`,
    'Content-Type: application/jsonl',
    '',
    '',
  ].join('\r\n'),
  after: `\r\n--${boundary}--\r\n`,
});

/** A file that may or may not have arrived creates nothing that must not be created twice. */
const harmless = async (sending: Promise<HttpAnswer>): Promise<HttpAnswer> => {
  try {
    return await sending;
  } catch (error) {
    if (!(error instanceof ProviderFailure) || error.kind !== 'uncertain') throw error;
    throw new ProviderFailure('unavailable', error);
  }
};
