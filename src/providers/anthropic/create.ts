/**
 * The one call that must not be made twice: a streamed POST of all items. No retry, no second attempt, and every
 * doubt about whether a batch was made is `uncertain`.
 */
import type { Clock } from '../../clock.ts';
import { ProviderFailure } from '../failure.ts';
import { streamedRequest } from '../http.ts';
import type { Connection, Submission, SubmissionItem, SubmitPorts } from '../provider.ts';
import { callHeaders } from './calls.ts';
import { encoding, frameEnd, frameStart, separator } from './encode.ts';
import { refusal } from './refusal.ts';
import { type MessageBatch, readErrorAnswer, readMessageBatch } from './wire.ts';

/** Creates the batch and gives it back, with the vendor's answer verbatim. */
export async function createBatch(
  connection: Connection,
  clock: Clock,
  submission: Submission,
  ports: SubmitPorts,
): Promise<{ batch: MessageBatch; raw: string }> {
  const { status, headers, text } = await streamedRequest({
    url: `${connection.baseUrl.replace(/\/+$/, '')}/v1/messages/batches`,
    headers: { ...callHeaders(connection), 'content-type': 'application/json' },
    body: framed(ports.items()),
    contentLength: submission.encodedBytes,
    signal: ports.signal,
    guard: ports.guard,
  });
  if (status < 200 || status > 299) {
    const error = readErrorAnswer(text);
    throw refusal({
      status,
      headers,
      ...error,
      now: clock.now(),
      creates: true,
      apiKey: connection.apiKey,
    });
  }
  const batch = readMessageBatch(text);
  if (batch !== null) return { batch, raw: text };
  throw new ProviderFailure('uncertain', {
    code: 'unreadable_answer',
    message: 'The provider accepted the batch and answered something that is no batch.',
    status,
  });
}

async function* framed(items: AsyncIterable<SubmissionItem>): AsyncGenerator<string> {
  yield frameStart;
  let between = '';
  for await (const item of items) {
    const { before, after } = encoding.envelope(item);
    yield `${between}${before}${item.body}${after}`;
    between = separator;
  }
  yield frameEnd;
}
