/**
 * What is handed on of a key's right to read: a read token (some batches, or all) or a signed link (one download), until
 * a time. Owns what one says, and how that is written as bytes and read back. Signing and believing are left to
 * `grant-signer.ts`.
 */
import { type DownloadKind, downloadKinds } from './download.ts';
import { isUuid } from './ids.ts';

/** A right to read that follows from a key's. */
export interface Grant {
  /** The key that it follows from, and ends with. */
  readonly apiKeyId: string;
  readonly expiresAt: Date;
  /** Everything that the API tells of the batches, or one download of one batch. */
  readonly reads: 'batches' | DownloadKind;
  /** Which batches; null for all of the organization, those to come included. */
  readonly batchIds: readonly string[] | null;
}

/** Signs grants for those who are handed them, and reads what they bring back. */
export interface GrantSigner {
  /** The grant as text: bytes that say it and prove it, for whoever knows the SHA-256 of its key. */
  sign(keyHash: Buffer, grant: Grant): string;
  /** What a text says, believed by nobody yet; null where it says nothing. */
  read(text: string): Grant | null;
  /** Whether a text that could be read was signed by that key. */
  isSigned(keyHash: Buffer, text: string): boolean;
}

/** How many batches a read token may name. */
export const grantedBatchesMax = 100;

/** The first byte of a grant. What is new takes a new number, so that no text ever changes its meaning. */
const words = ['all batches', 'batches', ...downloadKinds] as const;
const uuidBytes = 16;
const headBytes = 1 + uuidBytes + 6;

/** The grant as bytes: what it reads, its key, its end in milliseconds, its batches. */
export function encodeGrant({ apiKeyId, expiresAt, reads, batchIds }: Grant): Buffer {
  const word = batchIds === null ? words.indexOf('all batches') : words.indexOf(reads);
  const head = Buffer.alloc(headBytes);
  head.writeUInt8(word);
  bytesOf(apiKeyId).copy(head, 1);
  head.writeUIntBE(expiresAt.getTime(), 1 + uuidBytes, 6);
  return Buffer.concat([head, ...(batchIds ?? []).map(bytesOf)]);
}

/** The grant in bytes; null for bytes that no grant is written as. */
export function decodeGrant(bytes: Buffer): Grant | null {
  const listed = bytes.length - headBytes;
  if (listed < 0 || listed % uuidBytes !== 0) return null;
  const word = words[bytes.readUInt8()];
  const batchIds = Array.from({ length: listed / uuidBytes }, (_, at) =>
    uuidAt(bytes, headBytes + at * uuidBytes),
  );
  if (word === undefined || !fits(word, batchIds.length)) return null;
  return {
    apiKeyId: uuidAt(bytes, 1),
    expiresAt: new Date(bytes.readUIntBE(1 + uuidBytes, 6)),
    reads: word === 'all batches' ? 'batches' : word,
    batchIds: word === 'all batches' ? null : batchIds,
  };
}

/** How many batches a grant of each kind names. */
function fits(word: (typeof words)[number], count: number): boolean {
  if (word === 'all batches') return count === 0;
  return word === 'batches' ? count >= 1 && count <= grantedBatchesMax : count === 1;
}

function bytesOf(uuid: string): Buffer {
  if (!isUuid(uuid)) throw new RangeError('a grant names UUIDs');
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

function uuidAt(bytes: Buffer, from: number): string {
  const hex = bytes.toString('hex', from, from + uuidBytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
