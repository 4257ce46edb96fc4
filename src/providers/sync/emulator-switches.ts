/**
 * The positions of what is not certain about the vendor. The README beside this file tells where each doubt comes
 * from; the first position is the default.
 */
import { z } from 'zod';

const switchesSchema = z.strictObject({
  /** What the organization pays for: only the larger plans may use batches. */
  plan: z.enum(['scale', 'creator']).default('scale'),
  /** How many batches may be under way at once. */
  batchesAtOnce: z.enum(['unlimited', '1', '2']).default('unlimited'),
  /** The status that carries a new batch. */
  createdStatus: z.enum(['201', '200']).default('201'),
  /** The status that refuses a file that is too large. */
  tooLargeStatus: z.enum(['400', '413']).default('400'),
  /** When a payload that cannot be generated is noticed: as a refusal of the file, or as a rejected generation. */
  payloadChecked: z.enum(['at-creation', 'later']).default('at-creation'),
  /** Whether batches are also made from JSON rows. */
  rowsForm: z.enum(['taken', 'refused']).default('taken'),
  /** Which URLs a webhook may have. */
  webhookUrls: z.enum(['any', 'https']).default('any'),
  /** What the metrics say before the generations exist. */
  metricsWhilePending: z.enum(['none-pending', 'all-pending', 'zero']).default('none-pending'),
  /** How the lack of a webhook is shown. */
  absentWebhook: z.enum(['null', 'left-out']).default('null'),
  /** What the list makes of `created_after`. */
  createdAfter: z.enum(['honoured', 'ignored', 'matches-nothing']).default('honoured'),
  /** What the output URL answers: a redirect to a signed URL, or the file itself. */
  outputAnswer: z.enum(['redirect', 'file']).default('redirect'),
  /** Whether the output URL wants the key. */
  outputKey: z.enum(['required', 'not-needed']).default('required'),
  /** How the keys of a result line are spelled; `nested`: with the vendor's generation object inside. */
  resultKeys: z.enum(['snake', 'camel', 'nested']).default('snake'),
  /** What an error in a result line is. */
  resultErrors: z.enum(['text', 'object']).default('text'),
  /** How the webhook's payload is spelled. */
  webhookPayload: z.enum(['snake', 'camel']).default('snake'),
  /** Which header signs a webhook; `none`: the organization has no secret. */
  signatureHeader: z.enum(['Sync-Signature', 'X-Signature-Primary', 'none']).default('Sync-Signature'),
  /** What a webhook's signature is over: the body as sent, or the JSON of its payload. */
  signatureOver: z.enum(['body', 'payload']).default('body'),
});

/** Where the emulator's switches stand. */
export type Switches = z.infer<typeof switchesSchema>;

/** The positions asked for. A switch that does not exist, or stands where it cannot, is a plain error. */
export const readSwitches = (asked: Readonly<Record<string, boolean | string>> = {}): Switches =>
  switchesSchema.parse(asked);
