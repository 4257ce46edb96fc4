/**
 * The first half of a submission: the job's input file at the vendor, by its resumable protocol. One call begins and
 * is told where the bytes belong, the next one streams all of them there. A file costs nothing and starts nothing,
 * so that one which may have arrived is simply sent again.
 *
 * Owned here: the file's lines, where they go, and what the vendor's answer says. Left to others: when, and what the
 * file's name is good for (`client.ts`).
 */
import type { Clock } from '../../clock.ts';
import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import { type HttpAnswer, type StreamedRequest, streamedRequest } from '../http.ts';
import type { Connection, Submission, SubmitPorts } from '../provider.ts';
import { addressOf, type Calls } from './calls.ts';
import { encodeLine } from './encode.ts';
import { refusalOf } from './refusal.ts';
import { readFile, type WireFile } from './wire.ts';

/** Uploads the job's input file, and gives what the vendor says of it. */
export async function uploadInput(
  submission: Submission,
  ports: SubmitPorts,
  { calls, connection, clock }: { calls: Calls; connection: Connection; clock: Clock },
): Promise<WireFile> {
  const { nonce, encodedBytes: bytes } = submission;
  const told = await calls.beginUpload({ displayName: `batchql-${nonce}`, bytes }, ports.signal);
  const answer = await harmless({
    url: uploadAddress(connection, told),
    // The address is the permission; the key stays here.
    headers: {
      'content-type': 'application/jsonl',
      'x-goog-upload-command': 'upload, finalize',
      'x-goog-upload-offset': '0',
    },
    body: linesOf(ports),
    contentLength: bytes,
    signal: ports.signal,
    guard: ports.guard,
  });
  if (answer.status >= 200 && answer.status < 300) return understood(readFile, answer.text);
  throw refusalOf({ ...answer, now: clock.now(), creates: false, apiKey: connection.apiKey });
}

/**
 * Where the bytes go: to what the vendor told, but below our own base URL, so that no host that it names gets them
 * and a proxy stays in the way. What it told is `malformed` where it is no address of an upload.
 */
const uploadAddress = (connection: Connection, told: string | null): string => {
  const url = URL.parse(told ?? '');
  const at = url?.pathname.indexOf('/upload/') ?? -1;
  if (url === null || at === -1) {
    throw new ProviderFailure('malformed', {
      code: 'no_upload_url',
      message: 'The provider did not tell where to upload the file to.',
    });
  }
  // Some say that the vendor writes the key into it.
  if (url.searchParams.has('key')) url.searchParams.delete('key');
  return addressOf(connection, url.pathname.slice(at + 1)) + url.search;
};

/** A file that may or may not have arrived creates nothing that must not be created twice. */
const harmless = async (request: StreamedRequest): Promise<HttpAnswer> => {
  try {
    return await streamedRequest(request);
  } catch (error) {
    if (!(error instanceof ProviderFailure) || error.kind !== 'uncertain') throw error;
    throw new ProviderFailure('unavailable', error);
  }
};

/** Handing on a million lines one by one would cost more than writing them. */
const pieceCharacters = 64 * 1024;

async function* linesOf({ items }: SubmitPorts): AsyncGenerator<string> {
  let piece = '';
  for await (const item of items()) {
    piece += encodeLine(item);
    if (piece.length < pieceCharacters) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
