/**
 * The positions of what is not certain about the vendor. The README beside this file tells where each doubt comes
 * from; both positions of each are tested.
 */
import { z } from 'zod';

/** The switches and their positions; the first is the default. */
const switchesSchema = z.strictObject({
  /** What a time says: the day alone, or the moment. */
  times: z.enum(['dates', 'moments']).default('dates'),
  /** What stands for a next page on the last one. */
  lastToken: z.enum(['null', 'empty']).default('null'),
  /** Which wrappers around a body a call may use for text. */
  wrappers: z.enum(['both', 'responses-only']).default('both'),
  /** What adding the same request again does. With another content it is always refused. */
  duplicates: z.enum(['ignored', 'refused']).default('ignored'),
  /** What becomes of a request for a model that takes no batches. */
  unsupportedModel: z.enum(['refused', 'cancels-batch']).default('refused'),
  /** How a result tells what went wrong. */
  errorForm: z.enum(['status', 'sentence', 'beside']).default('status'),
  /** In which order results come. */
  resultOrder: z.enum(['key', 'finishing', 'position']).default('key'),
  /** What is counted while a cancel settles: all as cancelled at once, or as pending until it is. */
  cancelCounts: z.enum(['at-once', 'settled']).default('at-once'),
  /** What cancelling does to a batch that has nothing pending. */
  cancelWhenOver: z.enum(['marked', 'unchanged', 'refused']).default('marked'),
  /** The status that refuses a key which nobody gave out. */
  unknownKey: z.enum(['400', '401']).default('400'),
  /** How long after its creation a batch says that it expires. */
  retention: z.enum(['30d', '1d']).default('30d'),
  /** Whether results can be read after that. */
  expiredResults: z.enum(['gone', 'kept']).default('gone'),
  listOrder: z.enum(['newest-first', 'oldest-first']).default('newest-first'),
  /** Whether a list tells the counts of its batches. */
  listedState: z.enum(['told', 'left-out']).default('told'),
  /** What may have 25 MB: each request, or each call that adds some. */
  bytesMaxOf: z.enum(['request', 'call']).default('request'),
  /** Whether more than two batches a second are refused. */
  creationRate: z.enum(['unlimited', 'limited']).default('unlimited'),
});

/** Where the emulator's switches stand. */
export type Switches = z.infer<typeof switchesSchema>;

/** The positions asked for. A switch that does not exist, or stands where it cannot, is a plain error. */
export const readSwitches = (asked: Readonly<Record<string, boolean | string>> = {}): Switches =>
  switchesSchema.parse(asked);
