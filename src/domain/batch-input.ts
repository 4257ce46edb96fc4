/**
 * What a caller may say when creating, filling or changing a batch. Owns the rules of each field and their
 * messages; strict, so that a field of the API that nobody reads cannot pass unnoticed. What a request's body
 * must look like is its provider's to say (`Dialect.inspect`).
 */
import { z } from 'zod';
import { submitRuleSchema } from './accumulation.ts';
import { isJsonObject, type JsonObject } from './json-line.ts';
import { providerJobIdSchema } from './provider-job.ts';
import { retryPolicySchema } from './retry.ts';
import { idempotencyKeySchema, storableText } from './storable-text.ts';

const nameCharactersMax = 512;
const metadataPairsMax = 64;
const metadataKeyMax = 64;
const metadataValueMax = 512;

const nameSchema = storableText('name', nameCharactersMax);

/** What can be attached to a batch: pairs of texts. */
export const metadataSchema = z
  .record(
    storableText('A metadata key', metadataKeyMax),
    storableText('A metadata value', metadataValueMax),
    {
      // A key that breaks its rule comes as an issue around the key's own.
      error: (issue) =>
        (issue.code === 'invalid_key' ? issue.issues?.[0]?.message : undefined) ??
        'metadata must be an object whose values are strings.',
    },
  )
  .refine(
    (metadata) => Object.keys(metadata).length <= metadataPairsMax,
    `metadata may have at most ${metadataPairsMax} pairs.`,
  );

// Which URLs can be called is `callbacks/`' to say.
const callbackUrlSchema = z.string().nullish();

/** One request given inline: its body as parsed JSON. */
export const requestInput = z.strictObject({
  customId: z.string().nullish(),
  endpoint: z.string().nullish(),
  model: storableText('model', 256).nullish(),
  body: z.custom<JsonObject>(isJsonObject, { error: 'body must be a JSON object.' }),
});
/** One request given inline. */
export type RequestInput = z.output<typeof requestInput>;

/**
 * Requests in one of two forms: a list of parsed bodies, or lines of JSON text, whose bodies stay as they were
 * written. `field` names the argument they came in, for messages.
 */
export const requestsInput = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('list'), requests: z.array(requestInput) }),
  z.strictObject({ kind: z.literal('lines'), field: z.enum(['jsonl', 'file']), text: z.string() }),
]);
/** Requests in one of two forms. */
export type RequestsInput = z.output<typeof requestsInput>;

/** What `createBatch` takes. */
export const createBatchInput = z.strictObject({
  provider: z.string(),
  name: nameSchema.nullish(),
  endpoint: z.string().nullish(),
  model: storableText('model', 256).nullish(),
  completionWindow: z.string().nullish(),
  metadata: metadataSchema.nullish(),
  callbackUrl: callbackUrlSchema,
  credentialId: z.string().nullish(),
  submit: submitRuleSchema,
  retry: retryPolicySchema.nullish(),
  deleteProviderFiles: z.boolean().nullish(),
  requests: requestsInput.nullish(),
  idempotencyKey: idempotencyKeySchema.nullish(),
});
/** What `createBatch` takes. */
export type CreateBatchInput = z.output<typeof createBatchInput>;

/** What `addRequests` takes beside the batch. */
export const addRequestsInput = z.strictObject({
  requests: requestsInput,
  idempotencyKey: idempotencyKeySchema.nullish(),
});
/** What `addRequests` takes beside the batch. */
export type AddRequestsInput = z.output<typeof addRequestsInput>;

/** What `createUpload` takes: an open batch, or what a new one is to be. */
export const createUploadInput = z
  .strictObject({
    batchId: z.string().nullish(),
    batch: createBatchInput.omit({ requests: true, idempotencyKey: true }).nullish(),
    submit: z
      .boolean()
      .nullish()
      .transform((submit) => submit ?? false),
    dryRun: z
      .boolean()
      .nullish()
      .transform((dryRun) => dryRun ?? false),
    idempotencyKey: idempotencyKeySchema.nullish(),
  })
  .refine(
    ({ batchId, batch }) => ((batchId ?? null) === null) !== ((batch ?? null) === null),
    'Give exactly one of batchId and batch.',
  );
/** What `createUpload` takes. */
export type CreateUploadInput = z.output<typeof createUploadInput>;

/** What `adoptJob` takes: a batch whose requests are at the provider already. */
export const adoptJobInput = createBatchInput.omit({ submit: true, idempotencyKey: true }).extend({
  providerJobId: providerJobIdSchema,
  requests: requestsInput,
});
/** What `adoptJob` takes. */
export type AdoptJobInput = z.output<typeof adoptJobInput>;

const graceHoursMax = 168;

/** What `rotateCallbackSecret` takes. */
export const rotateCallbackSecretInput = z.strictObject({
  graceHours: z
    .int()
    .refine(
      (hours) => hours >= 0 && hours <= graceHoursMax,
      `graceHours must be a whole number from 0 to ${graceHoursMax}.`,
    )
    .nullish()
    .transform((hours) => hours ?? 24),
});

/** What `updateBatch` takes: a field left out stays, null clears it. */
export const updateBatchInput = z.strictObject({
  name: nameSchema.nullish(),
  metadata: metadataSchema.nullish(),
  callbackUrl: callbackUrlSchema,
});
/** What `updateBatch` takes. */
export type UpdateBatchInput = z.output<typeof updateBatchInput>;
