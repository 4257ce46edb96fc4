import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter } from '../../src/domain/line-splitting.ts';

const bytesMax = 12;
/** Bytes of a line of any kind: text, control characters, what is not UTF-8, carriage returns; but no line feed. */
const lineBytes = fc
  .uint8Array({ maxLength: 2 * bytesMax })
  .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x0a)));
const file = fc.record({
  lines: fc.array(lineBytes, { maxLength: 12 }),
  ending: fc.constantFrom('\n', '\r\n'),
  endsWithOne: fc.boolean(),
  beginsWithMark: fc.boolean(),
});
const cuts = fc.array(fc.nat(400), { maxLength: 8 });

/** What the splitter gives of some pieces, copied at once: the bytes may be overwritten. */
function split(pieces: readonly Buffer[]) {
  const splitter = new LineSplitter(bytesMax);
  const given: [number, string | null][] = [];
  const keep = ({ number, bytes }: { number: number; bytes: Buffer | null }) =>
    given.push([number, bytes?.toString('hex') ?? null]);
  for (const piece of pieces) {
    const passing = Buffer.from(piece);
    for (const line of splitter.push(passing)) keep(line);
    passing.fill(0xff);
  }
  for (const line of splitter.end()) keep(line);
  return { given, lines: splitter.lines, bytes: splitter.bytes };
}

const bytesOf = ({
  lines,
  ending,
  endsWithOne,
  beginsWithMark,
}: typeof file extends fc.Arbitrary<infer F> ? F : never) =>
  Buffer.concat([
    Buffer.from(beginsWithMark ? [0xef, 0xbb, 0xbf] : []),
    ...lines.flatMap((line, index) =>
      index < lines.length - 1 || endsWithOne ? [line, Buffer.from(ending)] : [line],
    ),
  ]);

test('a file is split into the same lines however its bytes are cut into pieces', () => {
  fc.assert(
    fc.property(file, cuts, (made, places) => {
      const whole = bytesOf(made);
      const at = [0, ...places.map((place) => Math.min(place, whole.length)), whole.length].sort(
        (a, b) => a - b,
      );
      const pieces = at.slice(1).map((end, index) => whole.subarray(at[index], end));

      expect(split(pieces)).toEqual(split([whole]));
      expect(split([...whole].map((byte) => Buffer.from([byte])))).toEqual(split([whole]));
    }),
  );
});

test('each line is given with its number, without its ending and the mark before the first, and empty ones only count', () => {
  fc.assert(
    fc.property(file, (made) => {
      const lines = bytesOf(made).toString('latin1').split('\n');
      if (lines.at(-1) === '') lines.pop();
      const expected = lines.flatMap((line, index): [number, string | null][] => {
        const unmarked = index === 0 ? line.replace(/^\xef\xbb\xbf/, '') : line;
        const bare = unmarked.replace(/\r$/, '');
        if (bare === '') return [];
        return [[index + 1, bare.length > bytesMax ? null : Buffer.from(bare, 'latin1').toString('hex')]];
      });

      const { given, lines: count, bytes } = split([bytesOf(made)]);

      expect(given).toEqual(expected);
      expect(count).toBe(lines.length);
      expect(bytes).toBe(bytesOf(made).length);
    }),
  );
});
