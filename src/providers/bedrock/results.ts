/**
 * Reading a job's results: every output object in its folder, in the order of their keys, each streamed as it comes.
 * The manifest among them is a summary and has no lines. A cursor is an object's name and the bytes of it that were
 * read; the object is read on from there.
 */
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { ProviderFailure } from '../failure.ts';
import { connectionFailure } from '../http-failure.ts';
import { chunkLines, splitLines } from '../jsonl.ts';
import type { JobReport, ResultChunk } from '../provider.ts';
import type { Bucket } from './bucket.ts';
import { readS3Uri, type S3Place } from './s3-uri.ts';

/** What reading needs beside the job. */
export interface ResultServices {
  readonly bucket: Bucket;
  readonly clock: Clock;
}

/** The longest result line that is kept whole; far above anything that a model answers. */
const lineBytesMax = 128_000_000;

/**
 * The result lines after `cursor`. A cursor that is unreadable, or of an object that is not there, reads from the
 * start. An object that is gone has `expired`, and so have all of them where a job that must have some has none.
 */
export async function* readResults(
  { bucket, clock }: ResultServices,
  report: JobReport,
  cursor: string | null,
  signal: AbortSignal,
): AsyncGenerator<ResultChunk> {
  const folder = readS3Uri(report.outputFileId ?? '');
  if (folder === null) throw nowhere();
  const keys = await outputKeys(bucket, folder, signal);
  if (keys.length === 0 && owesResults(report)) throw missing(report, clock.now());
  const nameOf = (key: string): string => key.slice(folder.key.length);
  const reached = readCursor(cursor);
  const from = Math.max(
    0,
    keys.findIndex((key) => nameOf(key) === reached?.file),
  );
  for (const key of keys.slice(from)) {
    const file = nameOf(key);
    const place = { ...folder, key };
    const offset = file === reached?.file ? reached.offset : 0;
    yield* readObject(bucket, { place, file, offset }, signal);
  }
}

/** Every key of the folder that is an output object's. */
const outputKeys = async (bucket: Bucket, folder: S3Place, signal: AbortSignal): Promise<string[]> => {
  const keys: string[] = [];
  let page: string | null = null;
  do {
    const { keys: some, next } = await bucket.list(folder, page, signal);
    keys.push(...some.filter((key) => key.endsWith('.out') && !key.endsWith('/manifest.json.out')));
    page = next;
  } while (page !== null);
  return keys;
};

interface Reading {
  readonly place: S3Place;
  readonly file: string;
  /** How many bytes were read before. */
  readonly offset: number;
}

async function* readObject(
  bucket: Bucket,
  { place, file, offset }: Reading,
  signal: AbortSignal,
): AsyncGenerator<ResultChunk> {
  // The newline before the place to go on from comes along, as proof that it is one.
  const opened = await openObject(bucket, place, Math.max(0, offset - 1), signal);
  if (opened === null) return;
  const { begins, bytes } = opened;
  try {
    const lines = splitLines(connected(bytes), { lineBytesMax, skipBytes: offset - begins });
    yield* chunkLines(lines, (read) => JSON.stringify({ file, offset: begins + read } satisfies Cursor));
  } finally {
    bytes.destroy();
  }
}

const openObject = async (bucket: Bucket, place: S3Place, from: number, signal: AbortSignal) => {
  try {
    return await bucket.get(place, from, signal);
  } catch (error) {
    const gone = error instanceof ProviderFailure && error.status === 404;
    throw gone ? new ProviderFailure('expired', error) : error;
  }
};

async function* connected(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    throw connectionFailure(error, { creates: false });
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

/** A job that was stopped, failed or never had its turn may have left nothing. */
const owesResults = ({ status, providerStatus, counts }: JobReport): boolean =>
  status === 'COMPLETED' ||
  (providerStatus === 'PartiallyCompleted' && (counts.succeeded ?? 0) + (counts.errored ?? 0) > 0);

/** How long after its end a job's objects may still not be there. */
const lateMinutes = 10;

const missing = ({ endedAt }: JobReport, now: Date): ProviderFailure => {
  const isLate = endedAt !== null && now.getTime() - endedAt.getTime() > lateMinutes * 60_000;
  return isLate
    ? new ProviderFailure('expired', {
        code: 'results_gone',
        message: 'The results of the job are no longer in S3.',
      })
    : new ProviderFailure('unavailable', {
        code: 'results_not_ready',
        message: 'The results of the job are not in S3 yet.',
      });
};

const nowhere = (): ProviderFailure =>
  new ProviderFailure('malformed', {
    code: 'no_output_place',
    message: 'The provider does not tell where in S3 the results are.',
  });
