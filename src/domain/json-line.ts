/**
 * JSON text that stays the caller's. Parsing tells what a line says; the slices of its top-level members are
 * the very characters that were sent, so that 20-digit integers, duplicate keys and escapes go on unchanged.
 */

/** A JSON value, as parsed. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;
/** A JSON object, as parsed. */
export interface JsonObject {
  [key: string]: JsonValue;
}

/** One line that holds a JSON object. */
export interface JsonLine {
  readonly value: JsonObject;
  /** The verbatim text of the object, without the blanks around it. */
  readonly raw: string;
  /** The verbatim text of a top-level member's value; null where there is none. The last one wins, as in `JSON.parse`. */
  text(key: string): string | null;
}

/** Why a line cannot be taken. */
export interface UnreadableLine {
  readonly problem: string;
}

/**
 * Reads one line. Unreadable: not JSON, not an object, or text that is not well-formed Unicode (a raw lone
 * surrogate, which no UTF-8 file can hold).
 */
export function readJsonLine(line: string): JsonLine | UnreadableLine {
  if (!line.isWellFormed()) return { problem: 'is not well-formed Unicode' };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { problem: 'is not JSON' };
  }
  if (!isJsonObject(value)) return { problem: 'is not a JSON object' };
  let slices: Map<string, string> | undefined;
  return {
    value,
    // Around valid JSON stand no blanks but its own.
    raw: line.trim(),
    text(key) {
      slices ??= memberTexts(line);
      return slices.get(key) ?? null;
    },
  };
}

/** Whether a parsed value is an object (not an array, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The verbatim texts of the top-level members of valid JSON object text. */
export function memberTexts(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = skipBlank(text, text.indexOf('{') + 1);
  while (text[at] === '"') {
    const keyEnd = endOfString(text, at);
    const start = skipBlank(text, skipBlank(text, keyEnd) + 1);
    const end = endOfValue(text, start);
    members.set(JSON.parse(text.slice(at, keyEnd)) as string, text.slice(start, end));
    const separator = skipBlank(text, end);
    at = text[separator] === ',' ? skipBlank(text, separator + 1) : separator;
  }
  return members;
}

/** The verbatim texts of the elements of valid JSON array text, in order. */
export function elementTexts(text: string): string[] {
  const elements: string[] = [];
  let at = skipBlank(text, text.indexOf('[') + 1);
  while (at < text.length && text[at] !== ']') {
    const end = endOfValue(text, at);
    elements.push(text.slice(at, end));
    const separator = skipBlank(text, end);
    at = text[separator] === ',' ? skipBlank(text, separator + 1) : separator;
  }
  return elements;
}

const skipBlank = (text: string, from: number): number => {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\n' || text[at] === '\r') at += 1;
  return at;
};

/** The index after the closing quote of the string that opens at `from`. */
const endOfString = (text: string, from: number): number => {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
};

/** The index after the value that begins at `from`. Only brackets outside strings count. */
const endOfValue = (text: string, from: number): number => {
  if (text[from] === '"') return endOfString(text, from);
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const character = text[at];
    if (character === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (
      depth === 0 &&
      (character === ',' ||
        character === ' ' ||
        character === '\t' ||
        character === '\n' ||
        character === '\r')
    )
      return at;
    at += 1;
  }
  return at;
};
