/**
 * Reading what others wrote as JSON, leniently: what is not of the kind that was hoped for is null, and nothing throws.
 * Which members matter is left to whoever reads.
 */
import { isJsonObject, type JsonObject, type JsonValue, memberTexts } from './json-line.ts';

/** What the text says; null where it is not JSON. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The object that the text is; null where it is none. */
export function parsedObject(text: string): JsonObject | null {
  const value = parsedJson(text);
  return isJsonObject(value) ? value : null;
}

/** The text; null for anything else. */
export const textIn = (value: JsonValue | undefined): string | null =>
  typeof value === 'string' ? value : null;

/** A count, such as of tokens; anything but a whole number that is not negative is as good as not told. */
export const countIn = (value: JsonValue | undefined): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;

/** A moment that is written as text; null where it cannot be read. */
export const instantIn = (value: JsonValue | undefined): Date | null => {
  const instant = new Date(typeof value === 'string' ? value : Number.NaN);
  return Number.isNaN(instant.getTime()) ? null : instant;
};

/** The member of an object; undefined where it has none of that name, or is no object. */
export const memberIn = (value: JsonValue | undefined, key: string): JsonValue | undefined =>
  isJsonObject(value) ? value[key] : undefined;

/**
 * The verbatim text of what stands at a path of members in the text of a JSON object; null where nothing does, and where
 * the text is no object.
 */
export function textAt(text: string, path: readonly string[]): string | null {
  if (parsedObject(text) === null) return null;
  return path.reduce<string | null>(
    (inner, key) => (inner?.startsWith('{') ? (memberTexts(inner).get(key) ?? null) : null),
    text.trim(),
  );
}
