/**
 * The first half of a submission: the job's input file at the vendor. A file costs nothing and starts nothing, so
 * that one which may have arrived is simply sent again.
 *
 * Owned here: the file's name and lines, and what the vendor's answer says. Left to others: the form around it
 * (`multipart.ts`), when, and what the file's id is good for (`client.ts`).
 */
import type { Clock } from '../../clock.ts';
import { understood } from '../answers.ts';
import { failureOf } from '../http-failure.ts';
import { uploadFile } from '../multipart.ts';
import type { Connection, Submission, SubmitPorts } from '../provider.ts';
import { addressOf, callHeaders } from './calls.ts';
import { encodeLine } from './encode.ts';
import { readErrorBody, readFile } from './wire.ts';

/** Uploads the job's input file, and gives its id. */
export async function uploadInput(
  submission: Submission,
  ports: SubmitPorts,
  { connection, clock }: { connection: Connection; clock: Clock },
): Promise<string> {
  const answer = await uploadFile({
    url: addressOf(connection, 'files'),
    headers: callHeaders(connection),
    fields: { purpose: 'batch' },
    filename: `${submission.nonce}.jsonl`,
    content: linesOf(ports),
    contentBytes: submission.encodedBytes,
    signal: ports.signal,
    guard: ports.guard,
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
}

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
