import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LinePositions } from '../../src/domain/line-positions.ts';

test('the line of every request is known, whatever lines without one stand between them', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1 }), (first, steps) => {
      const positions = new LinePositions();
      let line = 0;
      const lines = steps.map((step, index) => {
        line += step;
        positions.note(first + index, line);
        return line;
      });

      expect(lines.map((_, index) => positions.lineOf(first + index))).toEqual(lines);
      expect(positions.lineOf(first - 1)).toBeNull();
    }),
  );
});

test('where there are too many gaps to remember, a line is not known rather than wrong', () => {
  const positions = new LinePositions();
  const lineOf = (position: number) => 2 * position;
  for (let position = 1; position <= 100_010; position += 1) positions.note(position, lineOf(position));

  expect(positions.lineOf(5)).toBe(lineOf(5));
  expect(positions.lineOf(100_010)).toBeNull();
});
