/**
 * The objects of the Batch API's wire, as far as anything here reads them. Reading is lenient: only what the protocol
 * cannot do without makes an answer unreadable; whatever else is missing, null or of another type is null.
 */
import { z } from 'zod';
import { readWith } from '../answers.ts';

const text = z.string().nullable().catch(null).default(null);
/** The vendor says "none" in three ways: null, nothing, and an empty text. */
const filledText = text.transform((value) => (value === '' ? null : value));
const count = z.number().int().nonnegative().nullable().catch(null).default(null);
const instant = text.transform((value) => {
  const at = new Date(value ?? Number.NaN);
  return Number.isNaN(at.getTime()) ? null : at;
});

const metricsSchema = z
  .object({
    total_generations: count,
    success_count: count,
    failed_count: count,
    // One of the vendor's pages spells them so.
    totalGenerations: count,
    successCount: count,
    failedCount: count,
  })
  .transform((metrics) => ({
    total: metrics.total_generations ?? metrics.totalGenerations,
    succeeded: metrics.success_count ?? metrics.successCount,
    failed: metrics.failed_count ?? metrics.failedCount,
  }))
  .nullable()
  .catch(null)
  .default(null);

const batchSchema = z.object({
  id: z.string().min(1),
  status: z.string().min(1),
  created_at: instant,
  metrics: metricsSchema,
  webhookUrl: filledText,
  outputUrl: filledText,
});

/** The vendor's batch object. `status` may be a word that is new to us; an empty `outputUrl` is null. */
export type WireBatch = z.infer<typeof batchSchema>;

/** Reads a batch; null where the text is none. */
export const readBatch = (json: string): WireBatch | null => readWith(batchSchema, json);
/** Reads the list of batches, which is a bare array; null where the text is none, or one of its batches is not. */
export const readBatches = (json: string): WireBatch[] | null => readWith(z.array(batchSchema), json);
/** Whether the text is a JSON object at all. */
export const isObjectText = (json: string): boolean => readWith(z.looseObject({}), json) !== null;

/** A sentence, or several. */
const sentences = z
  .union([z.string(), z.array(z.string()).transform((all) => all.join('; '))])
  .transform((value) => (value === '' ? null : value))
  .nullable()
  .catch(null)
  .default(null);

/** `error` is the status in words, which tells nothing; or, at other services, an object that has the rest. */
const errorSchema = z
  .object({
    errorCode: filledText,
    message: sentences,
    error: z.object({ code: filledText, message: sentences }).nullable().catch(null).default(null),
  })
  .transform(({ errorCode, message, error }) => ({
    code: errorCode ?? error?.code ?? null,
    message: message ?? error?.message ?? null,
  }));

/** The vendor's word and sentence in an error's body; null where it has none. */
export function readErrorBody(json: string): { code: string | null; message: string | null } {
  return readWith(errorSchema, json) ?? { code: null, message: null };
}
