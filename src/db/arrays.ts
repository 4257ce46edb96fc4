/**
 * Columns of many rows as parameters of one statement. The driver's own way of writing an array costs more than all else
 * that is done to a result; owned here is one that costs a third of it (`docs/decisions/storage.md`).
 */
import { type SQL, sql } from 'drizzle-orm';

/** An array as Postgres writes it, to be cast to what it holds: `{1,NULL,"a \"b\""}`. */
export function arrayText(values: readonly (string | number | boolean | null)[]): string {
  let text = '{';
  for (const value of values) {
    if (text.length > 1) text += ',';
    text += typeof value === 'string' ? quoted(value) : (value ?? 'NULL');
  }
  return `${text}}`;
}

const quoted = (text: string): string =>
  `"${/["\\]/.test(text) ? text.replaceAll(/["\\]/g, String.raw`\$&`) : text}"`;

/**
 * A `text[]` of long texts that are full of quotation marks, as results and requests are: one text with a character between
 * them that none of them has, where there is such a one. JSON on one line has no control characters at all.
 */
export function textList(texts: readonly (string | null)[]): SQL {
  const separator = separators.find((character) => texts.every((text) => !text?.includes(character)));
  if (separator === undefined || texts.length === 0 || texts.some((text) => !text)) {
    return sql`${sql.param(arrayText(texts))}::text[]`;
  }
  return sql`string_to_array(${sql.param(texts.join(separator))}::text, ${sql.param(separator)}::text)`;
}

const separators = ['\n', '\u001e', '\u001f'];
