/**
 * Reading a job's results: the file that the operation names, streamed as it comes, or what stands in the operation
 * itself. A cursor is which of the two, and how far it was read: a file's bytes, or the number of results.
 */
import { z } from 'zod';
import { elementTexts, memberTexts } from '../../domain/json-line.ts';
import { ProviderFailure } from '../failure.ts';
import { chunkLines, type StreamLine, splitLines } from '../jsonl.ts';
import type { JobReport, ProviderJob, ResultChunk } from '../provider.ts';
import type { Calls } from './calls.ts';
import { outputOf } from './report.ts';
import { readOperation } from './wire.ts';

/** The longest result line that is kept whole; far above anything that an endpoint answers. */
const lineBytesMax = 128_000_000;

/**
 * The result lines after `cursor`. A cursor that is unreadable, or of another source, reads from the start. None where
 * the operation names none. A file that the vendor no longer has has `expired`.
 */
export async function* readResults(
  calls: Calls,
  job: ProviderJob & { report: JobReport },
  cursor: string | null,
  signal: AbortSignal,
): AsyncGenerator<ResultChunk> {
  const { raw, outputFileId: file } = job.report;
  const source = file ?? 'operation';
  const reached = readCursor(cursor);
  const skip = reached?.source === source ? reached.offset : 0;
  const cursorAt = (offset: number) => JSON.stringify({ source, offset } satisfies Cursor);
  if (file === null) {
    yield* chunkLines(inlinedLines(raw, skip), cursorAt);
    return;
  }
  const lines = splitLines(calls.content(ownFile(file), signal), { lineBytesMax, skipBytes: skip });
  try {
    yield* chunkLines(lines, cursorAt);
  } catch (error) {
    throw await goneIfGone(error, () => calls.retrieve(job.providerJobId, signal));
  }
}

/** Results stand at the vendor, under a name; an address would be somebody else's, and our key is not taken there. */
const ownFile = (file: string): string => {
  if (/^files\/[\w-]+$/.test(file)) return file;
  throw new ProviderFailure('malformed', {
    code: 'foreign_results_file',
    message: 'The provider names a results file that is not its own; the key was not sent there.',
  });
};

/** The results inside an operation, each as it stands there, on one line. */
async function* inlinedLines(raw: string, skip: number): AsyncGenerator<StreamLine> {
  const operation = readOperation(raw);
  if (operation === null || outputOf(operation) === null) return;
  const inside = (text: string | undefined, ...keys: string[]): string | undefined =>
    keys.reduce(
      (at: string | undefined, key) => (at?.startsWith('{') ? memberTexts(at).get(key) : undefined),
      text,
    );
  const list =
    inside(raw.trim(), 'metadata', 'output', 'inlinedResponses', 'inlinedResponses') ??
    inside(raw.trim(), 'response', 'inlinedResponses', 'inlinedResponses');
  const texts = list?.startsWith('[') ? elementTexts(list) : [];
  for (const [index, text] of texts.entries()) {
    if (index >= skip) yield { text: text.replaceAll(/[\r\n]/g, ' '), offset: index + 1 };
  }
}

const cursorSchema = z.object({ source: z.string(), offset: z.number().int().nonnegative() });
type Cursor = z.infer<typeof cursorSchema>;

/** A cursor only skips, so that one which cannot be read is as good as none. */
const readCursor = (cursor: string | null): Cursor | null => {
  try {
    return cursorSchema.parse(JSON.parse(cursor ?? 'null'));
  } catch {
    return null;
  }
};

/**
 * `expired` where the file is gone. The vendor says that in the words it has for what is forbidden, so that the job is
 * asked for: where we may see it, it is the file that is not there.
 */
const goneIfGone = async (error: unknown, askForJob: () => Promise<unknown>): Promise<unknown> => {
  if (!(error instanceof ProviderFailure) || error.kind !== 'rejected') return error;
  if (error.status !== 404 && error.status !== 403) return error;
  if (error.status === 404) return new ProviderFailure('expired', error);
  return askForJob().then(
    () => new ProviderFailure('expired', error),
    () => error,
  );
};
