/**
 * What a statement selects, by COPY in Postgres' binary format: the cheapest way out of it for rows with much in them, of
 * which most goes on as the bytes that it is. Owns that format, and how such a statement is written: COPY takes no
 * parameters, so values stand in its text.
 */
import { type SQL, sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type pg from 'pg';
import { endLending, lend } from './connection-socket.ts';

const dialect = new PgDialect();

/** The text of a COPY of what is selected. Lists among its values must be written as texts (`arrayText`). */
export function copyStatement(selection: SQL): string {
  const { sql: text, params } = dialect.sqlToQuery(
    sql`copy (${selection}) to stdout (format binary)`.inlineParams(),
  );
  if (params.length > 0) throw new Error('a COPY cannot have parameters');
  return text;
}

/** What a COPY gives, as a whole: whoever asks bounds it. It lies in `memory`, which then holds nothing else. */
export async function copyOut(pool: pg.Pool, statement: string, memory: CopyMemory): Promise<CopiedRows> {
  const client = await pool.connect();
  let isBroken = true;
  try {
    await client.query(new CopyOut(statement, memory)).ended;
    isBroken = false;
    return new CopiedRows(memory.bytes);
  } finally {
    client.release(isBroken);
  }
}

/**
 * Where rows are put, once those before are not needed any more. To take new memory for each page keeps the collector
 * busier than everything else that is done to rows.
 */
export class CopyMemory {
  #buffer = Buffer.alloc(0);
  #length = 0;

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  /** Adds what lies between two places of a buffer. */
  add(bytes: Buffer, from = 0, to = bytes.length): void {
    const needed = this.#length + to - from;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length, bytesAtFirst));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    bytes.copy(this.#buffer, this.#length, from, to);
    this.#length = needed;
  }
}

const bytesAtFirst = 64 * 1024;

/**
 * The query that `pg` is handed. It takes the bytes of rows from the connection itself, before the driver makes a message of
 * each: that, and a stream of them (`pg-copy-streams`), take more time than all else that is done to a row. Whatever is no
 * row is left to the driver, and everything behind it.
 */
class CopyOut implements pg.Submittable {
  readonly #statement: string;
  readonly #memory: CopyMemory;
  readonly #ended = Promise.withResolvers<void>();
  /** What came of the head of a message, and how much of its content is still to come. */
  #head: Buffer = nothing;
  #left = 0;
  #isRow = false;
  /** `pg` puts its own here, by which it hears that the answer did not take too long. */
  callback: () => void = () => undefined;

  constructor(statement: string, memory: CopyMemory) {
    this.#statement = statement;
    this.#memory = memory;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  submit(connection: pg.Connection): void {
    this.#memory.clear();
    const { stream } = connection;
    const [driver, ...others] = stream.listeners('data') as ((bytes: Buffer) => void)[];
    if (driver !== undefined && others.length === 0) {
      const take = (bytes: Buffer) => {
        const rest = this.#take(bytes);
        if (rest === null) return;
        endLending(stream);
        stream.on('data', driver).off('data', take);
        driver(Buffer.from(rest));
      };
      lend(stream);
      stream.on('data', take).off('data', driver);
    }
    connection.query(this.#statement);
  }

  /**
   * Takes rows, as many at once as stand behind each other and with the heads of their messages, and what opens them;
   * anything else, and all behind it, is given back.
   */
  #take(piece: Buffer): Buffer | null {
    const bytes = this.#head.length === 0 ? piece : Buffer.concat([this.#head, piece]);
    this.#head = nothing;
    let at = 0;
    let rowsFrom = 0;
    for (;;) {
      const end = Math.min(bytes.length, at + this.#left);
      this.#left -= end - at;
      at = end;
      const isHeadThere = at + headBytes <= bytes.length;
      const kind = bytes[at];
      if (this.#isRow && !(isHeadThere && kind === copyData)) this.#memory.add(bytes, rowsFrom, at);
      if (kind === undefined) return null;
      if (kind !== copyData && kind !== copyOutResponse) return bytes.subarray(at);
      if (!isHeadThere) {
        this.#head = Buffer.from(bytes.subarray(at));
        this.#isRow = false;
        return null;
      }
      if (kind !== copyData) this.#isRow = false;
      else if (!this.#isRow) [this.#isRow, rowsFrom] = [true, at];
      this.#left = bytes.readInt32BE(at + 1) - 4;
      at += headBytes;
    }
  }

  /** Rows that come through the driver after all, as behind a notice. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    const head = Buffer.alloc(headBytes, copyData);
    head.writeInt32BE(chunk.length + 4, 1);
    this.#memory.add(head);
    // Copied: the memory of a message is the driver's, and used again.
    this.#memory.add(chunk);
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.callback();
    this.#ended.resolve();
  }

  handleError(error: Error): void {
    this.callback();
    this.#ended.reject(error);
  }
}

/** The head of a message: what it is, and its length without that. */
const headBytes = 5;
const [copyData, copyOutResponse] = ['d', 'H'].map((letter) => letter.charCodeAt(0));
const nothing = Buffer.alloc(0);

/** A text of a row as it came, in UTF-8: good until another row is gone to. */
export class CopiedText {
  /** What it lies in, and from where to where. */
  readonly bytes: Buffer;
  from = 0;
  to = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  toString(): string {
    return this.bytes.toString('utf8', this.from, this.to);
  }
}

/**
 * The rows of a COPY. One of them is looked at at a time, and nothing is made for it but what is asked for: what is made
 * for each row is what keeps the collector busy.
 */
export class CopiedRows {
  readonly #bytes: Buffer;
  /** Where the columns of each row begin, behind how many they are. */
  readonly #begins: number[] = [];
  readonly #columns: CopiedText[] = [];

  /** Of the messages of a COPY, as they came. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    // What opens the rows may stand in a message of its own, or in that of the first.
    let from =
      headBytes + openingBytes + (bytes.length === 0 ? 0 : bytes.readInt32BE(headBytes + openingBytes - 4));
    for (let at = 0; at < bytes.length; from = at + headBytes) {
      at += 1 + bytes.readInt32BE(at + 1);
      if (from < at && bytes.readInt16BE(from) !== -1) this.#begins.push(from + 2);
    }
    const [first] = this.#begins;
    if (first === undefined) return;
    for (let left = bytes.readInt16BE(first - 2); left > 0; left -= 1)
      this.#columns.push(new CopiedText(bytes));
  }

  get count(): number {
    return this.#begins.length;
  }

  /** Goes to a row, counted from 0. */
  goTo(row: number): void {
    let at = this.#begins[row];
    if (at === undefined) throw new Error('there is no such row');
    for (const column of this.#columns) {
      const length = this.#bytes.readInt32BE(at);
      at += 4;
      column.from = at;
      if (length !== -1) at += length;
      column.to = length === -1 ? -1 : at;
    }
  }

  /** An `integer` of the row; columns are counted from 0. */
  integer(column: number): number | null {
    const bytes = this.copied(column);
    return bytes === null ? null : this.#bytes.readInt32BE(bytes.from);
  }

  /** A `text` of the row. */
  text(column: number): string | null {
    const bytes = this.copied(column);
    return bytes === null ? null : String(bytes);
  }

  /** The same as it came. */
  copied(column: number): CopiedText | null {
    const found = this.#columns[column];
    return found === undefined || found.to === -1 ? null : found;
  }
}

/** Signature, flags, and the length of an extension. */
const openingBytes = 11 + 4 + 4;
