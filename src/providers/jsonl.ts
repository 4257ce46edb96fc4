/**
 * Lines out of a stream of bytes, and lines gathered into the chunks that results are handed over in.
 *
 * Owned here: where a line begins and ends, and how far we have read. What a line says is left to the decoders;
 * nothing here can fail because of what stands in a line.
 */
import type { ResultChunk } from './provider.ts';

/** One line of a stream. */
export interface StreamLine {
  /** Without its newline. Bytes that are not UTF-8 are U+FFFD: a result is never lost for its encoding. */
  readonly text: string;
  /** How many bytes of the stream, from its first on, end with this line's newline. */
  readonly offset: number;
}

/** How a stream is read. */
export interface LineReading {
  /** The rest of a longer line is dropped, so that no line can exhaust our memory. */
  readonly lineBytesMax: number;
  /** How many bytes to leave out at the beginning: the `offset` of a line that was read before. Never begins in the middle of a line. */
  readonly skipBytes?: number;
}

/**
 * The lines of the stream, in order. `\n` and `\r\n` both end a line; empty lines are left out; the last line
 * needs no newline. A stream that fails gives every whole line before it throws.
 */
export async function* splitLines(
  stream: AsyncIterable<Uint8Array>,
  { lineBytesMax, skipBytes = 0 }: LineReading,
): AsyncGenerator<StreamLine> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let passed = 0;
  const hold = (bytes: Uint8Array): void => {
    const kept = bytes.subarray(0, Math.max(0, lineBytesMax - heldBytes));
    if (kept.length === 0) return;
    heldBytes += kept.length;
    held.push(kept);
  };
  const take = (): string => {
    const bytes = Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return bytes.toString('utf8', 0, bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length);
  };

  // The byte before the place to go on from ends a line, or what follows is the tail of one: then these are not the
  // bytes that the place was counted in. Either way the line that this byte belongs to is left out.
  const start = Math.max(0, skipBytes - 1);
  let isLeftOut = skipBytes > 0;
  for await (const bytes of stream) {
    let from = Math.min(bytes.length, Math.max(0, start - passed));
    for (let end = bytes.indexOf(newline, from); end !== -1; end = bytes.indexOf(newline, from)) {
      hold(bytes.subarray(from, end));
      from = end + 1;
      const text = take();
      if (text !== '' && !isLeftOut) yield { text, offset: passed + from };
      isLeftOut = false;
    }
    if (from < bytes.length) hold(bytes.subarray(from));
    passed += bytes.length;
  }
  const text = take();
  if (text !== '' && !isLeftOut) yield { text, offset: passed };
}

/** The first chunk is small, so that the first results show at once; each next may be four times as long. */
const chunkLinesFirst = 10;
const chunkLinesMax = 4_000;
const chunkBytesMax = 4_000_000;

/**
 * The lines in chunks that grow from 10 to 4,000 lines, of at most 4 MB (a longer line stands alone), each with
 * the cursor that `cursorAt` makes of its last line's offset. When the lines fail, those already read are handed
 * over first.
 */
export async function* chunkLines(
  lines: AsyncIterable<StreamLine>,
  cursorAt: (offset: number) => string,
): AsyncGenerator<ResultChunk> {
  let texts: string[] = [];
  let bytes = 0;
  let offset = 0;
  let linesMax = chunkLinesFirst;
  const take = (isFollowed: boolean): ResultChunk => {
    const chunk = { lines: texts, cursor: cursorAt(offset), isFollowed };
    linesMax = Math.min(4 * linesMax, chunkLinesMax);
    texts = [];
    bytes = 0;
    return chunk;
  };
  try {
    for await (const line of lines) {
      const lineBytes = Buffer.byteLength(line.text);
      // Not before the next line is here: only then is it known that there is one.
      const isFull = texts.length >= linesMax || bytes + lineBytes > chunkBytesMax;
      if (texts.length > 0 && isFull) yield take(true);
      texts.push(line.text);
      bytes += lineBytes;
      offset = line.offset;
    }
  } catch (error) {
    if (texts.length > 0) yield take(false);
    throw error;
  }
  if (texts.length > 0) yield take(false);
}

const newline = 0x0a;
const carriageReturn = 0x0d;
