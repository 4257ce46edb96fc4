/**
 * Lines of text as bytes, gathered in memory that is used again and again: nothing of them grows old on the heap, and what
 * came as bytes is never made a text.
 */
import { CopiedText } from '../db/copy-out.ts';
import type { LineParts, Text } from '../domain/download-lines.ts';

/** Lines, part by part. */
export class LineBuffer implements LineParts {
  #buffer = Buffer.alloc(0);
  #offset = 0;

  /** What was added since it was last cleared. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#offset);
  }

  /** Begins anew. What `bytes` gave is written over from now on. */
  clear(): void {
    this.#offset = 0;
  }

  add(text: Text): void {
    if (text instanceof CopiedText) this.#addCopied(text);
    else this.#addText(String(text));
  }

  addQuoted(text: Text): void {
    if (text instanceof CopiedText && isPlain(text)) {
      this.#addByte(quote);
      this.#addCopied(text);
      this.#addByte(quote);
    } else this.#addText(JSON.stringify(String(text)));
  }

  /** Ends a line. */
  endLine(): void {
    this.#addByte(lineFeed);
  }

  #addByte(byte: number): void {
    this.#makeRoom(1);
    this.#buffer[this.#offset] = byte;
    this.#offset += 1;
  }

  #addCopied({ bytes, from, to }: CopiedText): void {
    this.#makeRoom(to - from);
    if (to - from > shortMax) {
      this.#offset += bytes.copy(this.#buffer, this.#offset, from, to);
      return;
    }
    const buffer = this.#buffer;
    let offset = this.#offset;
    for (let at = from; at < to; at += 1, offset += 1) buffer[offset] = bytes[at] as number;
    this.#offset = offset;
  }

  #addText(text: string): void {
    // No code unit takes more than three bytes.
    this.#makeRoom(3 * text.length);
    this.#offset += this.#writeShort(text) ?? this.#buffer.write(text, this.#offset);
  }

  /** Writes a short text of ASCII and says how long it is; null for others, which are not worth looking at twice. */
  #writeShort(text: string): number | null {
    if (text.length > shortMax) return null;
    const buffer = this.#buffer;
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at);
      if (unit > asciiMax) return null;
      buffer[this.#offset + at] = unit;
    }
    return text.length;
  }

  #makeRoom(bytes: number): void {
    const needed = this.#offset + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length, bytesAtFirst));
    this.bytes.copy(larger);
    this.#buffer = larger;
  }
}

/** Whether a text of JSON is it in quotes: nothing in it needs to be escaped. */
function isPlain({ bytes, from, to }: CopiedText): boolean {
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] as number;
    if (byte < space || byte === quote || byte === backslash) return false;
  }
  return true;
}

const [lineFeed, space, quote, backslash, asciiMax] = [0x0a, 0x20, 0x22, 0x5c, 0x7f];
const bytesAtFirst = 64 * 1024;
/** Up to which length a loop is faster than to call what is made for long ones. */
const shortMax = 64;
