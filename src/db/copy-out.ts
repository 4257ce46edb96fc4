/**
 * What a statement selects, by COPY in Postgres' binary format: the cheapest way out of it for rows with much in them, of
 * which most goes on as the bytes that it is. Owns that format, and how such a statement is written: COPY takes no
 * parameters, so values stand in its text.
 */
import { type SQL, sql } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type pg from 'pg';

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

  add(bytes: Buffer): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length, bytesAtFirst));
      larger.set(this.bytes);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
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
        stream.on('data', driver).off('data', take);
        driver(rest);
      };
      stream.on('data', take).off('data', driver);
    }
    connection.query(this.#statement);
  }

  /** Takes rows, and what opens them; anything else, and all behind it, is given back. */
  #take(piece: Buffer): Buffer | null {
    const bytes = this.#head.length === 0 ? piece : Buffer.concat([this.#head, piece]);
    this.#head = nothing;
    let at = 0;
    for (;;) {
      const end = Math.min(bytes.length, at + this.#left);
      if (this.#isRow) this.#memory.add(bytes.subarray(at, end));
      this.#left -= end - at;
      at = end;
      if (at === bytes.length) return null;
      const kind = bytes[at];
      if (kind !== copyData && kind !== copyOutResponse) return bytes.subarray(at);
      if (at + headBytes > bytes.length) {
        this.#head = bytes.subarray(at);
        this.#isRow = false;
        return null;
      }
      this.#isRow = kind === copyData;
      this.#left = bytes.readInt32BE(at + 1) - 4;
      at += headBytes;
    }
  }

  /** Rows that come through the driver after all, as behind a notice. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
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

/** The rows of a COPY, one after the other, and the columns of each in their order. */
export class CopiedRows {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#at = headerBytes + bytes.readInt32BE(headerBytes - 4);
  }

  /** Goes to the next row; false where there is none. */
  next(): boolean {
    const columns = this.#bytes.readInt16BE(this.#at);
    this.#at += 2;
    return columns !== -1;
  }

  /** The next column, an `integer`. */
  integer(): number | null {
    const length = this.#length();
    if (length === -1) return null;
    const value = this.#bytes.readInt32BE(this.#at);
    this.#at += length;
    return value;
  }

  /** The next column, a `text`. */
  text(): string | null {
    const length = this.#length();
    if (length === -1) return null;
    const from = this.#at;
    this.#at += length;
    return this.#bytes.toString('utf8', from, this.#at);
  }

  /** The next column as it is; of a `text` its UTF-8. Good for as long as the rows are. */
  bytes(): Buffer | null {
    const length = this.#length();
    if (length === -1) return null;
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  #length(): number {
    const length = this.#bytes.readInt32BE(this.#at);
    this.#at += 4;
    return length;
  }
}

/** Signature, flags, and the length of an extension. */
const headerBytes = 11 + 4 + 4;
