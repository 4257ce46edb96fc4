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
  /** What a text says that is `raw`, or was asked for as a member's; null where it is neither, or no object. */
  parsed(text: string): JsonObject | null;
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
  return new ParsedLine(line, value);
}

class ParsedLine implements JsonLine {
  readonly value: JsonObject;
  readonly raw: string;
  #slices: Map<string, string> | null = null;

  constructor(line: string, value: JsonObject) {
    this.value = value;
    // Around valid JSON stand no blanks but its own.
    this.raw = line.trim();
  }

  text(key: string): string | null {
    this.#slices ??= memberTexts(this.raw);
    return this.#slices.get(key) ?? null;
  }

  parsed(text: string): JsonObject | null {
    if (text === this.raw) return this.value;
    for (const [key, slice] of this.#slices ?? []) {
      if (slice !== text) continue;
      const member = this.value[key];
      return isJsonObject(member) ? member : null;
    }
    return null;
  }
}

/** Whether a parsed value is an object (not an array, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The verbatim texts of the top-level members of valid JSON object text. */
export function memberTexts(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = skipBlank(text, text.indexOf('{') + 1);
  while (text.charCodeAt(at) === quote) {
    const keyEnd = endOfString(text, at);
    const start = skipBlank(text, skipBlank(text, keyEnd) + 1);
    const end = endOfValue(text, start);
    members.set(keyIn(text.slice(at, keyEnd)), text.slice(start, end));
    const separator = skipBlank(text, end);
    at = text.charCodeAt(separator) === comma ? skipBlank(text, separator + 1) : separator;
  }
  return members;
}

/** What a key says as it is written, quotes and all; hardly any has something to be parsed. */
const keyIn = (written: string): string =>
  written.includes('\\') ? (JSON.parse(written) as string) : written.slice(1, -1);

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
  while (isBlank(text.charCodeAt(at))) at += 1;
  return at;
};

const isBlank = (code: number): boolean =>
  code === space || code === tab || code === lineFeed || code === carriageReturn;

const [space, tab, lineFeed, carriageReturn] = [0x20, 0x09, 0x0a, 0x0d];
const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** The index after the closing quote of the string that opens at `from`. Searched for, as most of a body is strings. */
const endOfString = (text: string, from: number): number => {
  let at = text.indexOf('"', from + 1);
  while (isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at + 1;
};

const isEscaped = (text: string, at: number): boolean => {
  let before = at - 1;
  while (text.charCodeAt(before) === backslash) before -= 1;
  return (at - before) % 2 === 0;
};

/** The index after the value that begins at `from`. Only brackets outside strings count. */
const endOfValue = (text: string, from: number): number => {
  if (text.charCodeAt(from) === quote) return endOfString(text, from);
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at);
      continue;
    }
    if (code === openBrace || code === openBracket) depth += 1;
    else if (code === closeBrace || code === closeBracket) {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (code === comma || isBlank(code))) return at;
    at += 1;
  }
  return at;
};
