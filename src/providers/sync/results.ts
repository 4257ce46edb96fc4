/**
 * Reading a batch's results: one file of JSON lines, streamed as it comes. The cursor is how many bytes of it were
 * read. How the file is reached is `output.ts`.
 */
import { ProviderFailure } from '../failure.ts';
import { chunkLines, splitLines } from '../jsonl.ts';
import type { ClientServices, Connection, JobReport, ResultChunk } from '../provider.ts';
import { readOutput } from './output.ts';
import { readBatch, type WireBatch } from './wire.ts';

/** Far above anything that one generation is told in; a longer line is cut, and then malformed. */
const lineBytesMax = 16_000_000;

/** The result lines after `cursor`. A cursor that cannot be read is as good as none: it only skips. */
export async function* readResults(
  connection: Connection,
  services: ClientServices,
  report: JobReport,
  cursor: string | null,
  signal: AbortSignal,
): AsyncGenerator<ResultChunk> {
  const url = outputUrl(readBatch(report.raw), connection);
  const skipBytes = /^\d{1,15}$/.test(cursor ?? '') ? Number(cursor) : 0;
  const lines = splitLines(readOutput(connection, services, url, signal), { lineBytesMax, skipBytes });
  yield* chunkLines(lines, String);
}

const outputUrl = (batch: WireBatch | null, { baseUrl }: Connection): URL => {
  if (!batch?.outputUrl) {
    throw new ProviderFailure('unavailable', {
      code: 'results_not_ready',
      message: 'The provider has no results yet.',
    });
  }
  const url = URL.parse(batch.outputUrl);
  if (url !== null && url.origin === new URL(baseUrl).origin) return url;
  throw new ProviderFailure('malformed', {
    code: 'foreign_results_url',
    message: 'The provider names a results URL that is not its own; the key was not sent there.',
  });
};
