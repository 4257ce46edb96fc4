/**
 * The positions of what is not certain about the vendor, for the facts that our adapter stands on. The README
 * beside this file tells where each doubt comes from.
 */
import { z } from 'zod';

/** The switches and their positions; the first is the default. */
const switchesSchema = z.strictObject({
  /** Which characters a custom_id may have. */
  customIdCharset: z.enum(['narrow', 'any']).default('narrow'),
  /** How many requests a batch may have. */
  requestsMax: z.enum(['100000', '10000']).default('100000'),
  /** When bad params are noticed: as errored lines, or as a refusal of the whole batch. */
  paramsChecked: z.enum(['later', 'at-creation']).default('later'),
  /** Whether the older header `x-api-key` is taken beside `Authorization: Bearer`. */
  apiKeyHeader: z.enum(['accepted', 'refused']).default('accepted'),
  /** The largest page of the list. */
  listLimitMax: z.enum(['1000', '100']).default('1000'),
  /** What cancelling does to a batch that has ended. */
  cancelWhenOver: z.enum(['refused', 'answered']).default('refused'),
  /** How many requests may be in the processing queue, over all batches. */
  queuedRequestsMax: z.enum(['unlimited', '200000', '3']).default('unlimited'),
});

/** Where the emulator's switches stand. */
export type Switches = z.infer<typeof switchesSchema>;

/** The positions asked for. A switch that does not exist, or stands where it cannot, is a plain error. */
export const readSwitches = (asked: Readonly<Record<string, boolean | string>> = {}): Switches =>
  switchesSchema.parse(asked);
