/** What every client does with the text of an answer; what an answer may look like is each provider's `wire.ts`. */
import type { z } from 'zod';
import { ProviderFailure } from './failure.ts';

/** What the schema makes of JSON; null where the text is not JSON, or not in the schema's form. */
export function readWith<T>(schema: z.ZodType<T>, json: string): T | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  return schema.safeParse(value).data ?? null;
}

/** What `read` makes of an answer; throws `unreadable` where it makes nothing of it. */
export function understood<T>(read: (answer: string) => T | null, answer: string): T {
  const value = read(answer);
  if (value !== null) return value;
  throw unreadable();
}

/** An answer in a form that is not known here. */
export const unreadable = (): ProviderFailure =>
  new ProviderFailure('malformed', {
    code: 'unreadable_answer',
    message: 'The provider answered in a form that is not known here.',
  });
