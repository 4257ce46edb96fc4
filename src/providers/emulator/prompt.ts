/** The text of a prompt, whatever shape a vendor's body gives it. Pure. */
import { isJsonObject, type JsonValue } from '../../domain/json-line.ts';

/**
 * All text in the value, in order, a line each: strings, lists of them, and objects that carry text in
 * `content`, `text` or `parts`, as messages and their parts do in every dialect.
 */
export function promptText(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return joined(value);
  if (!isJsonObject(value)) return '';
  const { content, text, parts } = value;
  return joined([content, text, parts]);
}

const joined = (values: readonly (JsonValue | undefined)[]): string =>
  values
    .map(promptText)
    .filter((text) => text !== '')
    .join('\n');
