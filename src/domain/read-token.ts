/** What may be said when a read token or a signed link is asked for. Owns the rules; what it becomes is `grant.ts`'. */
import { z } from 'zod';
import { grantedBatchesMax } from './grant.ts';

/** How long a token or a link may last, in seconds: a day. */
export const grantSecondsMax = 86_400;
/** How long a read token lasts where nothing is said, in seconds. */
export const readTokenSecondsUsual = 3600;

/** How long a token or a link is to last. */
export const grantSecondsSchema = z
  .int({ error: 'expiresInSeconds must be a whole number.' })
  .refine(
    (seconds) => seconds >= 1 && seconds <= grantSecondsMax,
    `expiresInSeconds must be from 1 to ${grantSecondsMax}.`,
  );

/** What `createReadToken` takes: exactly one of the two says which batches. */
export const createReadTokenInput = z.strictObject({
  batches: z.strictObject({
    ids: z
      .array(z.string())
      .min(1, 'ids must name a batch.')
      .max(grantedBatchesMax, `ids may name at most ${grantedBatchesMax} batches.`)
      .nullish(),
    all: z.literal(true, { error: 'all must be true; name ids for less.' }).nullish(),
  }),
  expiresInSeconds: grantSecondsSchema.nullish(),
});

/** When a grant ends that is asked for now: never after the key, or the grant, that it follows from. */
export function grantEnd(now: Date, seconds: number, ...latest: readonly (Date | null)[]): Date {
  const ends = latest.flatMap((end) => (end === null ? [] : [end.getTime()]));
  return new Date(Math.min(now.getTime() + seconds * 1000, ...ends));
}
