/**
 * The objects of the Batch and Files wire, as far as anything here reads them, brought to one form whatever the
 * service's quirks. Reading is lenient: only what the protocol cannot do without makes an answer unreadable;
 * whatever else is missing, null or of another type is null.
 */
import { z } from 'zod';
import { isJsonObject } from '../../domain/json-line.ts';
import { noQuirks, type Quirks } from './quirks.ts';

const text = z.string().nullable().catch(null).default(null);
const count = z.number().int().nonnegative();
/** Unix seconds, or a text such as `2026-01-01T00:00:00Z`. */
const instant = z
  .union([z.number().transform((seconds) => seconds * 1000), z.string().transform(Date.parse)])
  .transform((milliseconds) => new Date(milliseconds))
  .refine((date) => !Number.isNaN(date.getTime()))
  .nullable()
  .catch(null)
  .default(null);

const batchSchema = z.object({
  id: z.string().min(1),
  status: z.string(),
  created_at: instant,
  input_file_id: text,
  output_file_id: text,
  error_file_id: text,
  in_progress_at: instant,
  finalizing_at: instant,
  completed_at: instant,
  failed_at: instant,
  expired_at: instant,
  cancelled_at: instant,
  expires_at: instant,
  request_counts: z
    .object({ total: count, completed: count, failed: count })
    .nullable()
    .catch(null)
    .default(null),
  errors: z
    .object({ data: z.array(z.object({ code: text, message: text, line: count.nullable().catch(null) })) })
    .nullable()
    .catch(null)
    .default(null),
  error: text,
  metadata: z.record(z.string(), z.unknown()).nullable().catch(null).default(null),
});

const fileSchema = z.object({
  id: z.string().min(1),
  created_at: instant,
  filename: text,
  bytes: count.nullable().catch(null).default(null),
  status: text,
});

/** The service's batch object. `status` is its own word, and may be one that is new to us. */
export type WireBatch = z.infer<typeof batchSchema>;
/** The service's file object. */
export type WireFile = z.infer<typeof fileSchema>;
/** One page of a list. */
export interface WirePage<T> {
  readonly data: readonly T[];
  readonly has_more: boolean;
}

/** Reads a batch; null where the text is none. */
export const readBatch = (json: string, quirks: Quirks = noQuirks): WireBatch | null =>
  batchIn(parse(json), quirks);

/** Reads the answer to a creation, which may hold the batch in a wrapper; null where there is none. */
export function readCreated(json: string, quirks: Quirks): WireBatch | null {
  const answer = parse(json);
  const wrapped = isJsonObject(answer) && quirks.createWrapper !== null ? answer[quirks.createWrapper] : null;
  return batchIn(wrapped ?? answer, quirks);
}

/** Reads a file; null where the text is none. */
export const readFile = (json: string): WireFile | null => fileIn(parse(json));

/** Reads a page of batches; null where the text is none, or one of its batches is not. */
export function readBatchPage(json: string, quirks: Quirks): WirePage<WireBatch> | null {
  const answer = parse(json);
  if (Array.isArray(answer) !== (quirks.list === 'array')) return null;
  return pageIn(answer, (entry) => batchIn(entry, quirks));
}

/** Reads a page of files, bare or not; null where the text is none, or one of its files is not. */
export const readFilePage = (json: string): WirePage<WireFile> | null => pageIn(parse(json), fileIn);

const batchIn = (value: unknown, { deadlineField }: Quirks): WireBatch | null =>
  isJsonObject(value)
    ? (batchSchema.safeParse({ ...value, expires_at: value[deadlineField] }).data ?? null)
    : null;

const fileIn = (value: unknown): WireFile | null => fileSchema.safeParse(value).data ?? null;

const pageSchema = z.object({
  data: z.array(z.unknown()),
  has_more: z.boolean().catch(false).default(false),
});

const pageIn = <T>(answer: unknown, entryIn: (value: unknown) => T | null): WirePage<T> | null => {
  const page = pageSchema.safeParse(Array.isArray(answer) ? { data: answer } : answer).data;
  const data = page?.data.map(entryIn).filter((entry) => entry !== null);
  return page !== undefined && data?.length === page.data.length ? { data, has_more: page.has_more } : null;
};

/** The service's words in an error; null where it has none. */
export interface WireError {
  readonly code: string | null;
  readonly type: string | null;
  readonly message: string | null;
}

const errorSchema = z.object({ code: text, type: text, message: text });

/** The words in the `error` of an answer, which is an object, or with some services the message itself. */
export function readError(error: unknown): WireError {
  const words = typeof error === 'string' ? { message: error } : error;
  return errorSchema.safeParse(words).data ?? { code: null, type: null, message: null };
}

/** The words in an error's body. */
export function readErrorBody(json: string): WireError {
  const answer = parse(json);
  return readError(isJsonObject(answer) ? answer['error'] : null);
}

/** The value that the text stands for; undefined where it stands for none. */
const parse = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
};
