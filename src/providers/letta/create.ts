/**
 * The one call that must not be made twice: a streamed POST of all items and of the URL to call us at. No retry, no
 * second attempt, and every doubt about whether a batch was made is `uncertain`: agents remember what they are told,
 * and would be told it again.
 */
import type { Clock } from '../../clock.ts';
import { ProviderFailure } from '../failure.ts';
import { streamedRequest } from '../http.ts';
import { failureOf } from '../http-failure.ts';
import type { Connection, Submission, SubmissionItem, SubmitPorts } from '../provider.ts';
import { addressOf, batches, callHeaders } from './calls.ts';
import { callbackPart, encoding, frameEnd, frameStart, listEnd, separator } from './encode.ts';
import { readErrorAnswer, readJob, type WireJob } from './wire.ts';

/** Creates the batch and gives it back, with the vendor's answer verbatim. */
export async function createBatch(
  connection: Connection,
  clock: Clock,
  submission: Submission,
  ports: SubmitPorts,
): Promise<{ job: WireJob; raw: string }> {
  const callback = callbackPart(submission.callbackUrl ?? null);
  const { status, headers, text } = await streamedRequest({
    url: addressOf(connection, batches),
    headers: { ...callHeaders(connection), 'content-type': 'application/json' },
    body: framed(ports.items(), callback),
    contentLength: submission.encodedBytes + Buffer.byteLength(callback),
    signal: ports.signal,
    guard: ports.guard,
  });
  if (status < 200 || status > 299) {
    throw failureOf({
      ...readErrorAnswer(text),
      status,
      headers,
      now: clock.now(),
      creates: true,
      apiKey: connection.apiKey,
    });
  }
  const job = readJob(text);
  if (job !== null) return { job, raw: text };
  throw new ProviderFailure('uncertain', {
    code: 'unreadable_answer',
    message: 'The provider accepted the batch and answered something that is no batch.',
    status,
  });
}

async function* framed(items: AsyncIterable<SubmissionItem>, callback: string): AsyncGenerator<string> {
  yield frameStart;
  let between = '';
  for await (const item of items) {
    const { before, after } = encoding.envelope(item);
    yield between + before + item.body + after;
    between = separator;
  }
  yield listEnd + callback + frameEnd;
}
