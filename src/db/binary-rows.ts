/**
 * Rows as `COPY … (FORMAT binary)` reads them: nothing is quoted on the one side or parsed on the other, which makes it
 * the fastest way in. Owns that format and the sending; which columns there are, and when rows count, is left to others.
 */
import type pg from 'pg';
import copyStreams from 'pg-copy-streams';
import type { Decimal } from '../domain/decimal.ts';
import type { Queryable } from './client.ts';

/** Writes rows, column after column; every value may be null. */
export interface BinaryRows {
  /** Begins a row; its columns follow in the order of the statement. */
  row(): void;
  /** The 16 bytes of a `uuid`, as `uuidBytes` makes them. */
  uuid(bytes: Buffer | null): void;
  integer(value: number | null): void;
  /** A whole number below 2^53. */
  bigint(value: number | null): void;
  boolean(value: boolean | null): void;
  text(value: string | null): void;
  numeric(value: Decimal | null): void;
  moment(value: Date): void;
  /** All rows, header and trailer included; nothing may be written afterwards. */
  end(): Buffer;
}

/** A writer of rows with so many columns, which all together take at most `bytesMax`, the texts as `textBytesMax` tells. */
export function binaryRows(columns: number, bytesMax: number): BinaryRows {
  const buffer = Buffer.allocUnsafe(header.length + bytesMax + 2);
  let offset = header.copy(buffer);
  const absent = () => {
    offset = buffer.writeInt32BE(-1, offset);
  };
  const length = (bytes: number) => {
    offset = buffer.writeInt32BE(bytes, offset);
  };
  const putLarge = (value: number) => {
    length(8);
    offset = buffer.writeInt32BE(Math.floor(value / 2 ** 32), offset);
    offset = buffer.writeUInt32BE(value >>> 0, offset);
  };
  return {
    row() {
      offset = buffer.writeInt16BE(columns, offset);
    },
    uuid(bytes) {
      if (bytes === null) return absent();
      length(bytes.length);
      offset += bytes.copy(buffer, offset);
    },
    integer(value) {
      if (value === null) return absent();
      length(4);
      offset = buffer.writeInt32BE(value, offset);
    },
    bigint(value) {
      if (value === null) return absent();
      putLarge(value);
    },
    boolean(value) {
      if (value === null) return absent();
      length(1);
      offset = buffer.writeUInt8(value ? 1 : 0, offset);
    },
    text(value) {
      if (value === null) return absent();
      const bytes = buffer.write(value, offset + 4);
      offset = buffer.writeInt32BE(bytes, offset) + bytes;
    },
    numeric(value) {
      if (value === null) return absent();
      const bytes = writeNumeric(buffer, offset + 4, value);
      offset = buffer.writeInt32BE(bytes, offset) + bytes;
    },
    moment(value) {
      putLarge((value.getTime() - postgresEpoch) * 1000);
    },
    end() {
      offset = buffer.writeInt16BE(-1, offset);
      return buffer.subarray(0, offset);
    },
  };
}

/** Sends rows through a `copy … from stdin (format binary)`, within the transaction. */
export async function copyRows(tx: Queryable, statement: string, rows: Buffer): Promise<void> {
  const { $client: client } = tx as Queryable & { readonly $client: pg.PoolClient };
  const stream = client.query(copyStreams.from(statement));
  await new Promise<void>((resolve, reject) => {
    stream.once('error', reject).once('finish', resolve);
    stream.end(rows);
  });
}

/** A UUID's 16 bytes. */
export const uuidBytes = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');

/** The most bytes that a text takes: no code unit takes more than three. */
export const textBytesMax = (text: string | null): number => (text === null ? 0 : 3 * text.length);

/** The most bytes that a decimal takes beside its length: a head, and two for each four digits, begun ones included. */
export const numericBytesMax = (value: Decimal | null): number => (value === null ? 0 : 14 + value.length);

/**
 * Writes a decimal as Postgres keeps it, and answers how many bytes that takes: a head, and digits to the base of 10,000,
 * of which the first counts 10,000^weight. Zeros before the first and after the last of them are left out.
 */
function writeNumeric(buffer: Buffer, at: number, value: Decimal): number {
  const begin = value.startsWith('-') ? 1 : 0;
  const point = value.indexOf('.');
  const end = point === -1 ? value.length : point;
  const places = value.length - Math.min(value.length, end + 1);
  const groupsBefore = Math.ceil((end - begin) / 4);
  const groups = groupsBefore + Math.ceil(places / 4);
  let [written, first, zeros] = [0, 0, 0];
  for (let group = 0; group < groups; group += 1) {
    const digit = digitAt(value, { begin, end, place: 4 * (group - groupsBefore) });
    if (digit === 0) {
      zeros += 1;
      continue;
    }
    if (written === 0) first = group;
    else for (; zeros > 0; zeros -= 1, written += 1) buffer.writeInt16BE(0, at + 8 + 2 * written);
    zeros = 0;
    buffer.writeInt16BE(digit, at + 8 + 2 * written);
    written += 1;
  }
  buffer.writeInt16BE(written, at);
  buffer.writeInt16BE(written === 0 ? 0 : groupsBefore - 1 - first, at + 2);
  buffer.writeInt16BE(begin === 1 && written > 0 ? 0x4000 : 0, at + 4);
  buffer.writeInt16BE(places, at + 6);
  return 8 + 2 * written;
}

/** The four decimal digits from a place on, which is counted from the point; those that are not written are zeros. */
function digitAt(
  value: Decimal,
  { begin, end, place }: { readonly begin: number; readonly end: number; readonly place: number },
): number {
  let digit = 0;
  for (let step = 0; step < 4; step += 1) {
    const index = place + step < 0 ? end + place + step : end + 1 + place + step;
    const isWritten = index >= begin && index < value.length;
    digit = digit * 10 + (isWritten ? value.charCodeAt(index) - digitZero : 0);
  }
  return digit;
}

const digitZero = 0x30;

/** Signature, flags, and the length of an extension that there is not. */
const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);

/** What Postgres counts moments from: the beginning of the year 2000. */
const postgresEpoch = Date.UTC(2000, 0, 1);
