/**
 * The results file of a batch, read as a stream of bytes: no SDK, because its decoder dies of a torn line, and
 * lines are kept as they are. The credential goes along, so the file must lie where the API does.
 */
import type { Clock } from '../../clock.ts';
import { ProviderFailure } from '../failure.ts';
import { connectionFailure } from '../http-failure.ts';
import { chunkLines, splitLines } from '../jsonl.ts';
import type { Connection, JobReport, ResultChunk } from '../provider.ts';
import { callHeaders } from './calls.ts';
import { refusal } from './refusal.ts';
import { type MessageBatch, readErrorAnswer, readMessageBatch } from './wire.ts';

/** The lines after `cursor`, which is how many bytes of the file were read. */
export async function* readResults(
  connection: Connection,
  clock: Clock,
  report: JobReport,
  cursor: string | null,
  signal: AbortSignal,
): AsyncGenerator<ResultChunk> {
  const url = resultsUrl(readMessageBatch(report.raw), connection);
  const body = await open(url, connection, clock, signal);
  const lines = splitLines(readable(body), { lineBytesMax, skipBytes: Number(cursor ?? 0) });
  yield* chunkLines(lines, String);
}

/** Longer than any message; a line beyond it is cut, and then malformed. */
const lineBytesMax = 64_000_000;

const resultsUrl = (batch: MessageBatch | null, { baseUrl }: Connection): URL => {
  if (batch?.archivedAt) {
    throw new ProviderFailure('expired', {
      code: 'results_archived',
      message: 'The provider has taken the results away.',
    });
  }
  if (!batch?.resultsUrl) {
    throw new ProviderFailure('unavailable', {
      code: 'results_not_ready',
      message: 'The provider has no results yet.',
    });
  }
  const url = URL.parse(batch.resultsUrl);
  if (url === null || url.origin !== new URL(baseUrl).origin) {
    throw new ProviderFailure('malformed', {
      code: 'foreign_results_url',
      message: 'The provider names a results URL that is not its own; the key was not sent there.',
    });
  }
  return url;
};

const open = async (
  url: URL,
  connection: Connection,
  clock: Clock,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> => {
  const headers = { ...callHeaders(connection), accept: 'application/binary' };
  try {
    const response = await fetch(url, { headers, signal });
    if (response.status === 200 && response.body !== null) return response.body;
    throw refusal({
      status: response.status,
      headers: response.headers,
      ...readErrorAnswer(await response.text()),
      now: clock.now(),
      creates: false,
      apiKey: connection.apiKey,
    });
  } catch (error) {
    throw error instanceof ProviderFailure ? error : connectionFailure(error, { creates: false });
  }
};

async function* readable(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw connectionFailure(error, { creates: false });
  }
}
