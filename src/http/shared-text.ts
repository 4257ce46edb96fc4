/**
 * The JSON of a result that goes to many readers, made once. A transport that knows of it asks `sharedText`; Yoga looks
 * for `stringify`.
 */
import type { ExecutionResult } from 'graphql';

const texts = new WeakMap<ExecutionResult, () => Buffer>();

/** The same result, whose JSON is made once, when it is first needed. */
export function withSharedText(result: ExecutionResult): ExecutionResult {
  let text: string | null = null;
  let bytes: Buffer | null = null;
  const once = () => {
    text ??= JSON.stringify(result);
    return text;
  };
  texts.set(result, () => {
    bytes ??= Buffer.from(once());
    return bytes;
  });
  // Hidden, because whoever copies a result makes another of it.
  return Object.defineProperty(result, 'stringify', { value: once });
}

/** The JSON of a result that is shared, as bytes; null for any other. */
export const sharedText = (result: ExecutionResult): Buffer | null => texts.get(result)?.() ?? null;
