/**
 * What S3 says in XML, as far as anything here reads it: errors, and pages of keys. Enough of XML for that, where
 * no element has attributes and none contains one of its own name.
 */
import type { WireError } from './wire.ts';

/** Reads an error; its word and sentence are null where the text has none. */
export const readS3Error = (xml: string): WireError => ({
  code: textsIn(xml, 'Code')[0] ?? null,
  message: textsIn(xml, 'Message')[0] ?? null,
});

/** One page of the keys in a bucket. */
export interface KeyPage {
  readonly keys: readonly string[];
  /** Where the next page begins; null where this is the last. */
  readonly next: string | null;
}

/** Reads a page of keys; null where the text is none, or promises more and does not say where. */
export function readKeyPage(xml: string): KeyPage | null {
  if (!/<ListBucketResult[\s>][\s\S]*<\/ListBucketResult>/.test(xml)) return null;
  const keys = contentsOf(xml, 'Contents').flatMap((entry) => textsIn(entry, 'Key'));
  if (textsIn(xml, 'IsTruncated')[0] !== 'true') return { keys, next: null };
  const [next] = textsIn(xml, 'NextContinuationToken');
  return next === undefined ? null : { keys, next };
}

const textsIn = (xml: string, name: string): string[] => contentsOf(xml, name).map(unescaped);

/** What stands in each of the elements of that name. */
const contentsOf = (xml: string, name: string): string[] =>
  Array.from(xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs')), ([, content = '']) => content);

const unescaped = (text: string): string =>
  text.replaceAll(reference, (whole, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return entities[name] ?? whole;
    return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
  });

/** Of a character, by its number or its name. */
const reference = /&(?:#x([\da-f]{1,5})|#(\d{1,6})|(amp|lt|gt|quot|apos));/gi;
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
