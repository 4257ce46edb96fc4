/**
 * Reading a batch's results: the file of successes, then the file of everything else, each streamed as it comes.
 * A cursor is a file's id and the bytes of it that were read.
 */
import { z } from 'zod';
import { ProviderFailure } from '../failure.ts';
import { chunkLines, splitLines } from '../jsonl.ts';
import type { JobReport, ResultChunk } from '../provider.ts';
import type { Calls } from './calls.ts';

/** The longest result line that is kept whole; far above anything that an endpoint answers. */
const lineBytesMax = 128_000_000;

/**
 * The result lines after `cursor`. A cursor that is unreadable, or of a file that the report does not name,
 * reads from the start. The
 * vendor answers 404 for a file that it has deleted; that is `expired`.
 */
export async function* readResults(
  calls: Calls,
  report: JobReport,
  cursor: string | null,
  signal: AbortSignal,
): AsyncGenerator<ResultChunk> {
  const files = [report.outputFileId, report.errorFileId].filter((id) => id !== null);
  const reached = readCursor(cursor);
  const from = Math.max(0, files.indexOf(reached?.file ?? ''));
  for (const file of files.slice(from)) {
    const skipBytes = file === reached?.file ? reached.offset : 0;
    const bytes = calls.bytes((sdk, options) => sdk.files.content(file, options), signal);
    const lines = splitLines(bytes, { lineBytesMax, skipBytes });
    try {
      yield* chunkLines(lines, (offset) => JSON.stringify({ file, offset } satisfies Cursor));
    } catch (error) {
      throw goneIfUnknown(error);
    }
  }
}

const cursorSchema = z.object({ file: z.string(), offset: z.number().int().nonnegative() });
type Cursor = z.infer<typeof cursorSchema>;

/** A cursor only skips, so that one which cannot be read is as good as none. */
const readCursor = (cursor: string | null): Cursor | null => {
  try {
    return cursorSchema.parse(JSON.parse(cursor ?? 'null'));
  } catch {
    return null;
  }
};

const goneIfUnknown = (error: unknown): unknown =>
  error instanceof ProviderFailure && error.status === 404 ? new ProviderFailure('expired', error) : error;
