/**
 * The objects of the Batch API's wire, as far as anything here reads them. Reading is lenient: only what the protocol
 * cannot do without makes an answer unreadable; whatever else is missing, null or of another type is null.
 */
import { z } from 'zod';
import { elementTexts, isJsonObject, type JsonObject, memberTexts } from '../../domain/json-line.ts';
import { parsedJson } from '../../domain/json-reading.ts';
import { readWith } from '../answers.ts';
import { findCode } from './status-codes.ts';

const text = z.string().nullable().catch(null).default(null);
/** The vendor's 64-bit counts may come as texts. */
const count = z
  .union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
  .pipe(z.number().int().nonnegative())
  .nullable()
  .catch(null)
  .default(null);
/** Null and an empty text both say that there is no further page. */
const pageToken = text.transform((token) => (token === '' ? null : token));

const stateSchema = z
  .object({
    num_requests: count,
    num_pending: count,
    num_success: count,
    num_error: count,
    num_cancelled: count,
  })
  .nullable()
  .catch(null)
  .default(null);

const batchSchema = z.object({
  batch_id: z.string().min(1),
  name: text,
  create_time: text,
  expire_time: text,
  cancel_time: text,
  cancel_by_xai_message: text,
  /** Not always there, says the vendor; in a list least of all. */
  state: stateSchema,
});

const batchPageSchema = z.object({ batches: z.array(batchSchema), pagination_token: pageToken });

const requestPageSchema = z.object({
  batch_request_metadata: z.array(z.object({ batch_request_id: z.string() })),
  pagination_token: pageToken,
});

const resultPageSchema = z.object({ results: z.array(z.unknown()), pagination_token: pageToken });

/** The vendor's batch object. It has no word for how the batch is doing. */
export type WireBatch = z.infer<typeof batchSchema>;
/** The counts of a batch. */
export type WireState = NonNullable<WireBatch['state']>;

/** One page of a list, and what to ask the next one by; null after the last. */
export interface WirePage<Entry> {
  readonly entries: readonly Entry[];
  readonly token: string | null;
}

/** Reads a batch; null where the text is none. */
export const readBatch = (json: string): WireBatch | null => readWith(batchSchema, json);

/** Reads a page of batches; null where the text is none, or one of its batches is not. */
export function readBatchPage(json: string): WirePage<WireBatch> | null {
  const page = readWith(batchPageSchema, json);
  return page && { entries: page.batches, token: page.pagination_token };
}

/** Reads the keys in a page of a batch's requests; null where the text is no such page. */
export function readKeyPage(json: string): WirePage<string> | null {
  const page = readWith(requestPageSchema, json);
  if (page === null) return null;
  const entries = page.batch_request_metadata.map(({ batch_request_id: key }) => key);
  return { entries, token: page.pagination_token };
}

/**
 * Reads the results in a page, each the text that it was, on one line; null where the text is no such page. A line
 * break outside of a string is as good as a blank, and inside of one there is none.
 */
export function readResultPage(json: string): WirePage<string> | null {
  const page = readWith(resultPageSchema, json);
  if (page === null) return null;
  const results = memberTexts(json).get('results') ?? '[]';
  const entries = elementTexts(results).map((result) => result.replaceAll(/[\r\n]/g, ' '));
  return { entries, token: page.pagination_token };
}

/**
 * The code and the sentence of a refusal, in each of the vendor's forms: `{code, error}`, `{error}`, and an error
 * object. A code that is a sentence becomes the word that it stands for.
 */
export function readErrorAnswer(json: string): { code: string | null; message: string | null } {
  const answer = parsedJson(json);
  if (!isJsonObject(answer)) return { code: null, message: null };
  const { error } = answer;
  const { code, type, message }: JsonObject = isJsonObject(error)
    ? error
    : { ...answer, message: error ?? null };
  return {
    code: findCode(code)?.word ?? wordIn(code) ?? wordIn(type),
    message: typeof message === 'string' ? message : null,
  };
}

/** What can pass for a machine's word. */
const wordIn = (value: unknown): string | null =>
  typeof value === 'string' && /^[\w.:-]+$/.test(value) ? value : null;
