import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunkLines, type LineReading, type StreamLine, splitLines } from '../../src/providers/jsonl.ts';
import type { ResultChunk } from '../../src/providers/provider.ts';

async function* from<T>(pieces: Iterable<T>, error?: Error): AsyncGenerator<T> {
  yield* pieces;
  if (error) throw error;
}

/** What an iterable gives, and what it throws in the end. */
const drain = async <T>(iterable: AsyncIterable<T>): Promise<{ all: T[]; error: unknown }> => {
  const all: T[] = [];
  try {
    for await (const one of iterable) all.push(one);
  } catch (error) {
    return { all, error };
  }
  return { all, error: null };
};

const split = async (pieces: Iterable<Uint8Array>, reading: Partial<LineReading> = {}) =>
  (await drain(splitLines(from(pieces), { lineBytesMax: 1_000_000, ...reading }))).all;

/** The bytes, cut at the given places. */
const cutAt = (bytes: Uint8Array, places: readonly number[]): Uint8Array[] => {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].toSorted(
    (a, b) => a - b,
  );
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index] ?? 0, end));
};

const lineText = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/g, ''));
const file = fc
  .tuple(fc.array(fc.tuple(lineText, fc.constantFrom('\n', '\r\n'))), lineText)
  .map(([lines, last]) => ({
    texts: [...lines.map(([text]) => text), last].filter((text) => text !== ''),
    bytes: Buffer.from(lines.flat().join('') + last),
  }));

describe('splitLines', () => {
  test('any way of cutting a stream into pieces gives the same lines', async () => {
    await fc.assert(
      fc.asyncProperty(file, fc.array(fc.nat()), async ({ texts, bytes }, places) => {
        const lines = await split(cutAt(bytes, places));
        expect(lines.map(({ text }) => text)).toEqual(texts);
        expect(lines).toEqual(await split([bytes]));
      }),
    );
  });

  test('reading on from any line gives exactly the lines after it', async () => {
    await fc.assert(
      fc.asyncProperty(file, fc.array(fc.nat()), async ({ bytes }, places) => {
        const lines = await split([bytes]);
        for (const [index, { offset }] of lines.entries()) {
          const rest = await split(cutAt(bytes, places), { skipBytes: offset });
          expect(rest).toEqual(lines.slice(index + 1));
        }
      }),
      { numRuns: 30 },
    );
  });

  test('both newlines end a line, empty lines are left out, and the last line needs no newline', async () => {
    expect(await split([Buffer.from('a\r\n\n\r\nb\nc')])).toEqual([
      { text: 'a', offset: 3 },
      { text: 'b', offset: 8 },
      { text: 'c', offset: 9 },
    ]);
  });

  test('bytes that are not UTF-8 become the replacement character and lose no line', async () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}\n{}\n')]);
    expect((await split([bytes])).map(({ text }) => text)).toEqual(['{"a":"\uFFFD\uFFFD"}', '{}']);
  });

  test('the rest of a line that is too long is dropped, and the next line is whole', async () => {
    const lines = await split([Buffer.from('1234567'), Buffer.from('890'), Buffer.from('\nab\n')], {
      lineBytesMax: 4,
    });
    expect(lines).toEqual([
      { text: '1234', offset: 11 },
      { text: 'ab', offset: 14 },
    ]);
  });

  test('a stream that fails gives every whole line before it throws, and no half line', async () => {
    const error = new Error('torn');
    const torn = await drain(splitLines(from([Buffer.from('a\nb\nhal')], error), { lineBytesMax: 100 }));
    expect(torn.all.map(({ text }) => text)).toEqual(['a', 'b']);
    expect(torn.error).toBe(error);
  });

  test('a reader that stops early closes the stream', async () => {
    let closed = false;
    async function* stream() {
      try {
        for (;;) yield Buffer.from('line\n');
      } finally {
        closed = true;
      }
    }
    for await (const _ of splitLines(stream(), { lineBytesMax: 100 })) break;
    expect(closed).toBe(true);
  });
});

describe('splitLines, going on from a place', () => {
  test('never begins in the middle of a line, wherever the place lies', async () => {
    const bytes = Buffer.from('first\nsecond\nthird\n');
    for (let skipBytes = 1; skipBytes <= bytes.length; skipBytes += 1) {
      const texts: string[] = [];
      for await (const { text } of splitLines(from([bytes]), { lineBytesMax: 100, skipBytes }))
        texts.push(text);
      const expected = ['second', 'third'].filter((_, index) => skipBytes <= [6, 13][index]!);
      expect(texts).toEqual(expected);
    }
  });
});

describe('chunkLines', () => {
  const lines = (texts: readonly string[]): StreamLine[] =>
    texts.map((text, index) => ({ text, offset: index + 1 }));
  const chunks = (texts: readonly string[], error?: Error) =>
    drain<ResultChunk>(chunkLines(from(lines(texts), error), (offset) => `at ${offset}`));

  test('chunks grow from 10 to 4,000 lines, so that first results show at once, and each cursor stands after its last line', async () => {
    const { all } = await chunks(Array.from({ length: 12_000 }, () => 'x'));
    expect(all.map((chunk) => chunk.lines.length)).toEqual([10, 40, 160, 640, 2560, 4000, 4000, 590]);
    const read = all.map((_, index) =>
      all.slice(0, index + 1).reduce((sum, chunk) => sum + chunk.lines.length, 0),
    );
    expect(all.map((chunk) => chunk.cursor)).toEqual(read.map((count) => `at ${count}`));
  });

  test('a chunk says that it is followed only when the next line is there, so that nobody asks a provider for it too early', async () => {
    const followed = async (count: number) => {
      const { all } = await chunks(Array.from({ length: count }, () => 'x'));
      return all.map(({ isFollowed }) => isFollowed);
    };
    expect(await followed(10)).toEqual([false]);
    expect(await followed(11)).toEqual([true, false]);
    expect(await followed(50)).toEqual([true, false]);
  });

  test('a chunk of several lines holds at most 4 MB, and a longer line stands alone', async () => {
    const [small, large] = ['s'.repeat(1_500_000), 'ü'.repeat(2_500_000)];
    const { all } = await chunks([small, small, small, large, small]);
    expect(all.map((chunk) => chunk.lines.map(({ length }) => length))).toEqual([
      [1_500_000, 1_500_000],
      [1_500_000],
      [2_500_000],
      [1_500_000],
    ]);
  });

  test('when the lines fail, those already read are handed over first', async () => {
    const error = new Error('torn');
    expect(await chunks(['a', 'b'], error)).toEqual({
      all: [{ lines: ['a', 'b'], cursor: 'at 2', isFollowed: false }],
      error,
    });
    expect(await chunks([], error)).toEqual({ all: [], error });
  });
});
