/**
 * The objects of the batch and files wire, as far as anything here reads them. Reading is lenient: only what the
 * protocol cannot do without makes an answer unreadable; whatever else is missing, null or of another type is
 * null. The vendor writes JSON as proto3 does: what is zero, empty or false is left out, and whole numbers of 64
 * bits are texts.
 */
import { z } from 'zod';
import { readWith } from '../answers.ts';

const text = z.string().nullable().catch(null).default(null);
const count = z
  .union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
  .pipe(z.number().int().nonnegative())
  .nullable()
  .catch(null);
/** RFC 3339. */
const instant = z
  .string()
  .transform((time) => new Date(time))
  .refine((at) => !Number.isNaN(at.getTime()))
  .nullable()
  .catch(null)
  .default(null);

const statsSchema = z.object({
  requestCount: count.default(null),
  successfulRequestCount: count.default(0),
  failedRequestCount: count.default(0),
});

const outputSchema = z.object({ responsesFile: text, inlinedResponses: z.unknown().optional() });

/** What is left out, being zero. */
const unspecified = 'BATCH_STATE_UNSPECIFIED';

const metadataSchema = z.object({
  state: z.string().catch(unspecified).default(unspecified),
  displayName: text,
  createTime: instant,
  endTime: instant,
  inputConfig: z.object({ fileName: text }).nullable().catch(null).default(null),
  output: outputSchema.nullable().catch(null).default(null),
  batchStats: statsSchema.nullable().catch(null).default(null),
});

const operationSchema = z.object({
  name: z.string().regex(/^batches\/[^/]+$/),
  metadata: metadataSchema.catch(metadataSchema.parse({})).prefault({}),
  response: outputSchema.nullable().catch(null).default(null),
  error: z
    .object({ code: count.default(null), message: text })
    .nullable()
    .catch(null)
    .default(null),
});

const pageSchema = z.object({
  operations: z.array(operationSchema).default([]),
  nextPageToken: text.transform((token) => (token === '' ? null : token)),
});

const fileSchema = z
  .object({ file: z.object({ name: z.string().regex(/^files\/[^/]+$/), expirationTime: instant }) })
  .transform(({ file }) => file);

const fileStateSchema = z.object({ state: text });

/** The vendor's operation, which is what a batch job comes wrapped in. Its state may be a word that is new to us. */
export type WireOperation = z.infer<typeof operationSchema>;
/** Where an operation says that its results are. */
export type WireOutput = z.infer<typeof outputSchema>;
/** The vendor's file, as an upload answers it. */
export type WireFile = z.infer<typeof fileSchema>;
/** One page of the list; null in `nextPageToken` ends it. */
export type WirePage = z.infer<typeof pageSchema>;

/** Reads an operation; null where the text is none. */
export const readOperation = (json: string): WireOperation | null => readWith(operationSchema, json);
/** Reads a page; null where the text is none, or one of its operations is not. */
export const readPage = (json: string): WirePage | null => readWith(pageSchema, json);
/** Reads the answer to an upload; null where it names no file. */
export const readFile = (json: string): WireFile | null => readWith(fileSchema, json);
/** Reads the word for how a file is doing, `PROCESSING` or `ACTIVE`; null where none is told. */
export const readFileState = (json: string): string | null => readWith(fileStateSchema, json)?.state ?? null;

const errorSchema = z.object({
  error: z.object({
    status: text,
    message: text,
    details: z
      .array(z.object({ reason: text, retryDelay: text }).catch({ reason: null, retryDelay: null }))
      .catch([])
      .default([]),
  }),
});

/** What an error's body says, each null where it does not. */
export interface WireError {
  /** `RESOURCE_EXHAUSTED`. */
  readonly status: string | null;
  readonly message: string | null;
  /** `API_KEY_INVALID`. */
  readonly reason: string | null;
  /** Seconds until the next try, as a text without their unit. */
  readonly retrySeconds: string | null;
}

/** Reads the vendor's one form of an error. */
export function readError(json: string): WireError {
  const { status = null, message = null, details = [] } = readWith(errorSchema, json)?.error ?? {};
  const [reason = null] = details.flatMap((detail) => detail.reason ?? []);
  const [retrySeconds = null] = details.flatMap(
    ({ retryDelay }) => /^(\d+(?:\.\d+)?)s$/.exec(retryDelay ?? '')?.[1] ?? [],
  );
  return { status, message, reason, retrySeconds };
}
