/**
 * The objects of the batch jobs' wire, as far as anything here reads them. Reading is lenient: only what the
 * protocol cannot do without makes an answer unreadable; whatever else is missing, null or of another type is
 * null.
 */
import { z } from 'zod';
import { readWith } from '../answers.ts';

const text = z.string().nullable().catch(null).default(null);
const count = z.number().int().nonnegative();
const perhapsCount = count.nullable().catch(null).default(null);
/** Unix seconds. */
const instant = z
  .number()
  .transform((seconds) => new Date(seconds * 1000))
  .nullable()
  .catch(null)
  .default(null);

const batchSchema = z.object({
  id: z.string().min(1),
  status: z.string(),
  created_at: instant,
  started_at: instant,
  completed_at: instant,
  input_files: z.array(z.string()).catch([]).default([]),
  output_file: text,
  error_file: text,
  total_requests: perhapsCount,
  succeeded_requests: perhapsCount,
  failed_requests: perhapsCount,
  errors: z
    .array(z.object({ message: text, count: count.catch(1).default(1) }))
    .catch([])
    .default([]),
  metadata: z.record(z.string(), z.unknown()).nullable().catch(null).default(null),
});

/** A page may leave out `data` only where there is nothing to list. */
const batchPageSchema = z
  .object({ data: z.array(batchSchema).optional(), total: count })
  .refine(({ data, total }) => data !== undefined || total === 0)
  .transform(({ data = [], total }) => ({ data, total }));

const fileSchema = z.object({ id: z.string().min(1) });

/** The vendor's batch job object. `status` may be a word that is new to us. */
export type WireBatch = z.infer<typeof batchSchema>;
/** The vendor's file object. */
export type WireFile = z.infer<typeof fileSchema>;
/** One page of the list of jobs; `total` counts the jobs of all pages. */
export type WirePage = z.infer<typeof batchPageSchema>;

/** Reads a job; null where the text is none. */
export const readBatch = (json: string): WireBatch | null => readWith(batchSchema, json);
/** Reads a page of jobs; null where the text is none, or one of its jobs is not. */
export const readBatchPage = (json: string): WirePage | null => readWith(batchPageSchema, json);
/** Reads a file; null where the text is none. */
export const readFile = (json: string): WireFile | null => readWith(fileSchema, json);

/**
 * The four forms in which the vendor is known to refuse: its own error object, that object wrapped, a sentence, and
 * a list of what is wrong with which field.
 */
const errorSchema = z
  .object({
    type: text,
    message: text,
    error: z.object({ type: text, code: text, message: text }).nullable().catch(null).default(null),
    detail: z
      .union([
        z.string(),
        z
          .array(z.object({ msg: z.string(), loc: z.array(z.union([z.string(), z.number()])).catch([]) }))
          .min(1)
          .transform(([first]) => [first?.loc.join('.') ?? '', first?.msg ?? ''].join(': ')),
      ])
      .nullable()
      .catch(null)
      .default(null),
  })
  .transform(({ type, message, error, detail }) => ({
    code: error?.code ?? error?.type ?? type,
    message: error?.message ?? message ?? detail,
  }));

/** The vendor's word and sentence in an error's body; null where it has none. */
export function readErrorBody(json: string): { code: string | null; message: string | null } {
  return readWith(errorSchema, json) ?? { code: null, message: null };
}
