/**
 * The caller's own name for a request: what may be one, and what a request without one is called. That it is
 * unique within its batch is left to the database's unique key, which alone sees every request.
 */
import { z } from 'zod';

/** How long a custom id may be, in Unicode code points. */
const codePointsMax = 512;

/**
 * A custom id: any text of 1 to 512 code points. Refused are NUL, which Postgres' `text` cannot hold, and lone
 * surrogates, which UTF-8 cannot; either would come back changed.
 */
export const customIdSchema = z
  .string({ error: 'customId must be a string.' })
  .refine(hasFittingLength, `customId must be 1 to ${codePointsMax} characters long (Unicode code points).`)
  .refine((text) => !text.includes('\0'), 'customId must not contain the character NUL (U+0000).')
  .refine((text) => text.isWellFormed(), 'customId must be well-formed Unicode, without lone surrogates.');

/** Whether a text is a custom id as nearly all are: letters, digits and the like. Of others the schema tells more. */
export const isPlainCustomId = (text: string): boolean => plain.test(text);

const plain = /^[!-~]{1,512}$/;

/**
 * The custom id of a request that came without one: `item-1` for position 0, counted from 1 as lines are.
 * No two positions share one. A caller who wrote the same text on another request of the batch meets the rule
 * that custom ids are unique: the later of the two is refused by name, and nothing is overwritten or renamed.
 */
export function defaultCustomId(position: number): string {
  return `item-${position + 1}`;
}

/** No text has more code points than code units, nor fewer than half as many: only the few between are counted. */
function hasFittingLength(text: string): boolean {
  if (text.length <= codePointsMax) return text.length > 0;
  return text.length <= 2 * codePointsMax && [...text].length <= codePointsMax;
}
