/** Texts of a caller's that are kept as they are: what Postgres and UTF-8 can both hold. */
import { z } from 'zod';

/** Text of 1 to `max` code points; `name` is what messages call it. */
export const storableText = (name: string, max: number) =>
  z
    .string({ error: `${name} must be a string.` })
    .refine(
      (text) => text.length > 0 && [...text].length <= max,
      `${name} must be 1 to ${max} characters long.`,
    )
    .refine(
      (text) => text.isWellFormed() && !text.includes('\0'),
      `${name} must be well-formed Unicode without the character NUL.`,
    );

const idempotencyKeyMax = 255;

/** The caller's own name for a call, under which it can be made again; see `idempotency.ts`. */
export const idempotencyKeySchema = storableText('idempotencyKey', idempotencyKeyMax);
