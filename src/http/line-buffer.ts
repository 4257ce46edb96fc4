/** Lines of text as bytes, gathered in memory that is used again and again: nothing of them grows old on the heap. */
export class LineBuffer {
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

  /** Adds a line, whose end must not be among its parts. */
  add(...parts: readonly (string | Buffer)[]): void {
    for (const part of parts) {
      if (typeof part === 'string') {
        // No code unit takes more than three bytes.
        this.#makeRoom(3 * part.length + 1);
        this.#offset += this.#buffer.write(part, this.#offset);
      } else {
        this.#makeRoom(part.length + 1);
        this.#buffer.set(part, this.#offset);
        this.#offset += part.length;
      }
    }
    this.#buffer[this.#offset] = lineFeed;
    this.#offset += 1;
  }

  #makeRoom(bytes: number): void {
    const needed = this.#offset + bytes;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length, bytesAtFirst));
    this.bytes.copy(larger);
    this.#buffer = larger;
  }
}

const lineFeed = 0x0a;
const bytesAtFirst = 64 * 1024;
