/**
 * Rows as `COPY … (FORMAT binary)` reads them: nothing is quoted on the one side or parsed on the other, which makes it
 * the fastest way in. Owns that format and the sending; which columns there are, and when rows count, is left to others.
 */
import type pg from 'pg';
import copyStreams from 'pg-copy-streams';
import type { Decimal } from '../domain/decimal.ts';
import type { Queryable } from './client.ts';

/** Rows, written column after column; every value but a moment may be null. */
export interface BinaryRows {
  /** How many rows were begun. */
  readonly count: number;
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
  /** Writes the first columns of the only row of `others`, which must be as long, over those of every row here. */
  overwrite(others: BinaryRows): void;
  /** Takes all rows out. Only where nobody reads them any more: their memory is written over. */
  clear(): void;
  /** The rows but for those at these places, counted from 0. Valid until another row is begun. */
  encoded(except?: ReadonlySet<number>): Buffer;
}

/**
 * Rows with so many columns. What a row is made of can be forgotten as soon as it is written: what waits to be stored then
 * is bytes outside of the heap, which no collection of garbage has to carry on.
 */
export function binaryRows(columns: number, bytesAtFirst = 64 * 1024): BinaryRows {
  let buffer = Buffer.allocUnsafeSlow(bytesAtFirst);
  let offset = 0;
  const begins: number[] = [];
  const room = (bytes: number) => {
    if (offset + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(offset + bytes, 2 * buffer.length));
    buffer.copy(larger, 0, 0, offset);
    buffer = larger;
  };
  const length = (bytes: number) => {
    room(4 + Math.max(0, bytes));
    offset = buffer.writeInt32BE(bytes, offset);
  };
  const absent = () => length(-1);
  const putLarge = (value: number) => {
    length(8);
    offset = buffer.writeInt32BE(Math.floor(value / 2 ** 32), offset);
    offset = buffer.writeUInt32BE(value >>> 0, offset);
  };
  const rowAt = (place: number) => buffer.subarray(begins[place], begins[place + 1] ?? offset);
  return {
    get count() {
      return begins.length;
    },
    row() {
      begins.push(offset);
      room(2);
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
      // No code unit takes more than three; of a long text it is worth knowing how many.
      room(4 + (value.length > 100 ? Buffer.byteLength(value) : 3 * value.length));
      const bytes = buffer.write(value, offset + 4);
      offset = buffer.writeInt32BE(bytes, offset) + bytes;
    },
    numeric(value) {
      if (value === null) return absent();
      // A head, and two bytes for each four digits, begun ones included.
      room(16 + value.length);
      const bytes = writeNumeric(buffer, offset + 4, value);
      offset = buffer.writeInt32BE(bytes, offset) + bytes;
    },
    moment(value) {
      putLarge((value.getTime() - postgresEpoch) * 1000);
    },
    overwrite(others) {
      const first = others.encoded().subarray(2);
      for (const begin of begins) first.copy(buffer, begin + 2);
    },
    clear() {
      offset = 0;
      begins.length = 0;
    },
    encoded(except = new Set()) {
      if (except.size === 0) return buffer.subarray(0, offset);
      return Buffer.concat(begins.flatMap((_, place) => (except.has(place) ? [] : [rowAt(place)])));
    },
  };
}

/** Sends encoded rows through a `copy … from stdin (format binary)`, within the transaction. */
export async function copyRows(tx: Queryable, statement: string, encoded: Buffer): Promise<void> {
  const { $client: client } = tx as Queryable & { readonly $client: pg.PoolClient };
  const stream = client.query(copyStreams.from(statement));
  await new Promise<void>((resolve, reject) => {
    stream.once('error', reject).once('finish', resolve);
    stream.write(header);
    stream.write(encoded);
    stream.end(trailer);
  });
}

/** A UUID's 16 bytes. */
export const uuidBytes = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');

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

const trailer = Buffer.from([0xff, 0xff]);

/** What Postgres counts moments from: the beginning of the year 2000. */
export const postgresEpoch = Date.UTC(2000, 0, 1);
