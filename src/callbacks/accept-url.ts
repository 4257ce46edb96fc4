/** A callback URL as a caller gives it: checked, and as it will be stored. */
import { ValidationError } from '../errors.ts';
import type { Services } from '../services.ts';

/** The URL in canonical form; null for none. Throws `ValidationError` for one that could never be called from here. */
export function acceptCallbackUrl(
  { callbacks }: Pick<Services, 'callbacks'>,
  text: string | null | undefined,
): string | null {
  if (text === null || text === undefined) return null;
  const refusal = callbacks.refusal(text);
  if (refusal === null) return new URL(text).href;
  throw new ValidationError([
    { path: ['input', 'callbackUrl'], line: null, message: `callbackUrl ${refusal}` },
  ]);
}
