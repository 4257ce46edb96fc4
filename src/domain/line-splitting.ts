/**
 * Splits bytes that come in pieces into lines. Owns what a line is: what stands before a line feed or the end, without
 * the carriage return before it, and without the byte order mark before the first. However the bytes are cut into
 * pieces, the lines are the same. Holds what came of one line, never more than the longest that is allowed. What a line
 * says is left to whoever asks.
 */

/** A line with bytes in it. */
export interface SplitLine {
  /** Counted from 1, empty lines included. */
  readonly number: number;
  /** The bytes, which may be overwritten once the next piece is pushed; null where there are more than allowed. */
  readonly bytes: Buffer | null;
}

/** Takes bytes piece by piece and gives the lines that they complete; empty lines count and are not given. */
export class LineSplitter {
  readonly #bytesMax: number;
  #number = 0;
  #bytes = 0;
  /** What came of the line that is not complete. */
  #begun: Buffer[] = [];
  #begunBytes = 0;

  /** Lines of more than `bytesMax` bytes are given without them. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** How many lines are complete. */
  get lines(): number {
    return this.#number;
  }

  /** How many bytes came. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The lines that end in this piece. */
  *push(piece: Buffer): Generator<SplitLine, void, undefined> {
    this.#bytes += piece.length;
    let from = 0;
    for (;;) {
      const newline = piece.indexOf(lineFeed, from);
      if (newline === -1) break;
      const line = this.#complete(piece.subarray(from, newline));
      from = newline + 1;
      if (line !== null) yield line;
    }
    if (from < piece.length) this.#keep(piece.subarray(from));
  }

  /** The last line, where no line feed stands behind it. */
  *end(): Generator<SplitLine, void, undefined> {
    if (this.#begunBytes === 0) return;
    const line = this.#complete(Buffer.alloc(0));
    if (line !== null) yield line;
  }

  #keep(part: Buffer): void {
    this.#begunBytes += part.length;
    // A line that is too long already is counted and not kept; its ends decide how much too long it may look.
    if (this.#begunBytes <= this.#bytesMax + slack) this.#begun.push(Buffer.from(part));
    else this.#begun = [];
  }

  #complete(rest: Buffer): SplitLine | null {
    this.#number += 1;
    const bytes = this.#begunBytes + rest.length;
    const isHeld = bytes <= this.#bytesMax + slack;
    const whole =
      this.#begunBytes === 0 ? rest : isHeld ? Buffer.concat([...this.#begun, rest], bytes) : null;
    this.#begun = [];
    this.#begunBytes = 0;
    const line = whole === null ? null : this.#bare(whole);
    if (line?.length === 0) return null;
    return { number: this.#number, bytes: line === null || line.length > this.#bytesMax ? null : line };
  }

  /** Without what only ends or begins a line. */
  #bare(line: Buffer): Buffer {
    const from = this.#number === 1 && byteOrderMark.every((byte, at) => line[at] === byte) ? 3 : 0;
    const to = line.at(-1) === carriageReturn ? line.length - 1 : line.length;
    return from === 0 && to === line.length ? line : line.subarray(from, Math.max(from, to));
  }
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = [0xef, 0xbb, 0xbf];
/** A byte order mark and a carriage return do not count. */
const slack = 4;
