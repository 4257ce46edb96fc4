/**
 * Ids and keys, made from values that are handed in: a UUIDv7 for each row, a nonce for each job, and from the
 * nonce the key under which a provider sees an item. Owns their forms and how a key is read back. Where time
 * and randomness come from is left to the caller; bytes of the wrong length are a fault of ours (`RangeError`).
 */

/** The largest number that Postgres' `integer` holds; no position is greater. */
export const positionMax = 2_147_483_647;
/** How many characters every job's nonce has. */
export const nonceLength = 20;
const nonceAlphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * A UUIDv7 (RFC 9562, section 5.7) in lower case: 48 bits of Unix time in milliseconds, then 74 of the 80
 * random bits. As text and in Postgres it sorts by time; within one millisecond the order is random.
 */
export function uuidv7(milliseconds: number, random: Uint8Array): string {
  if (!Number.isInteger(milliseconds) || milliseconds < 0 || milliseconds >= 2 ** 48) {
    throw new RangeError('A UUIDv7 needs whole milliseconds that fit 48 bits.');
  }
  if (random.length !== 10) throw new RangeError('A UUIDv7 needs exactly 10 random bytes.');
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(milliseconds, 0, 6);
  bytes.set(random, 6);
  bytes.writeUInt8(0x70 | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Whether a text is a UUID of any version, hyphenated, in either case (Postgres reads both alike). */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}

/**
 * A job's nonce: 20 characters of `[a-z0-9]` from the first 20 random bytes. As 256 is not a multiple of 36,
 * four letters come up 8 times in 256 and the others 7 times; at least 100 of the 103 possible bits remain,
 * which is plenty for something that must be unique and need not be secret.
 */
export function nonceFrom(random: Uint8Array): string {
  if (random.length < nonceLength) throw new RangeError('A nonce needs at least 20 random bytes.');
  return Array.from(random.subarray(0, nonceLength), (byte) =>
    nonceAlphabet.charAt(byte % nonceAlphabet.length),
  ).join('');
}

/** The key under which a provider sees an item: `<nonce>-<position>`, at most 31 characters of `[a-z0-9-]`. */
export function itemKey(nonce: string, position: number): string {
  return `${nonce}-${position}`;
}

/**
 * The position in a key of the job with this nonce; null for any text that `itemKey` would not have written:
 * another job's key, leading zeros, a position beyond Postgres' `integer`.
 */
export function positionOfKey(nonce: string, key: string): number | null {
  const prefix = itemKeyPrefix(nonce);
  return key.startsWith(prefix) ? readPosition(key.slice(prefix.length)) : null;
}

/**
 * The position in the first key of this job inside a text that cannot be parsed, such as a torn line; null
 * where there is none. A key that the text ends on does not count: its last digits may be what was torn off.
 */
export function keyInText(nonce: string, text: string): number | null {
  const prefix = itemKeyPrefix(nonce);
  for (let at = text.indexOf(prefix); at !== -1; at = text.indexOf(prefix, at + 1)) {
    const digits = /^([0-9]{1,10})[^A-Za-z0-9_-]/.exec(
      text.slice(at + prefix.length, at + prefix.length + 11),
    );
    const position = digits?.[1] === undefined ? null : readPosition(digits[1]);
    if (position !== null) return position;
  }
  return null;
}

const itemKeyPrefix = (nonce: string): string => `${nonce}-`;

const readPosition = (digits: string): number | null => {
  if (!/^(0|[1-9][0-9]{0,9})$/.test(digits)) return null;
  const position = Number(digits);
  return position <= positionMax ? position : null;
};
