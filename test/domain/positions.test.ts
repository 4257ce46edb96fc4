import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PositionCollector, PositionSet } from '../../src/domain/positions.ts';

/** Ascending positions, dense enough that ranges merge. */
const dense = fc.uniqueArray(fc.nat(60)).map((positions) => positions.sort((one, other) => one - other));
const anywhere = fc
  .uniqueArray(fc.integer({ min: 0, max: 2_147_483_646 }), { maxLength: 20 })
  .map((positions) => positions.sort((one, other) => one - other));
const sorted = fc.oneof(dense, anywhere);

describe('PositionSet', () => {
  test('holds exactly the positions it was made of, in order', () => {
    fc.assert(
      fc.property(sorted, (positions) => {
        const set = PositionSet.fromSorted(positions);
        expect([...set]).toEqual(positions);
        expect(set.count).toBe(positions.length);
        const near = positions.flatMap((position) => [position - 1, position, position + 1]);
        for (const position of [-1, 0, ...near]) expect(set.has(position)).toBe(positions.includes(position));
      }),
    );
  });

  test('keeps as few ranges as possible: bounds ascend strictly, with a gap between ranges', () => {
    fc.assert(
      fc.property(dense, (positions) => {
        const { bounds } = PositionSet.fromSorted(positions);
        const starts = positions.filter((position) => !positions.includes(position - 1));
        expect(bounds.filter((_, at) => at % 2 === 0)).toEqual(starts);
        for (let at = 1; at < bounds.length; at += 1) expect(bounds[at]).toBeGreaterThan(bounds[at - 1]!);
      }),
    );
  });

  test('prints as a multirange of Postgres and reads it back', () => {
    fc.assert(
      fc.property(sorted, (positions) => {
        const set = PositionSet.fromSorted(positions);
        expect(PositionSet.parseMultirange(set.toMultirange())).toEqual(set);
      }),
    );
    expect(PositionSet.fromSorted([0, 1, 2, 5]).toMultirange()).toBe('{[0,3),[5,6)}');
    expect(PositionSet.fromSorted([]).toMultirange()).toBe('{}');
    expect([...PositionSet.parseMultirange('{[0,3),[5,6)}')]).toEqual([0, 1, 2, 5]);
  });

  test('does not hold what lies between whole numbers', () => {
    expect(PositionSet.fromSorted([0, 1]).has(0.5)).toBe(false);
  });

  test.each([
    ['an unsorted list', [1, 0]],
    ['a position twice', [1, 1]],
    ['a negative position', [-1]],
    ['a fraction', [0.5]],
    ['no number', [Number.NaN]],
    ['the greatest integer, after which no range can end', [2_147_483_647]],
  ])('refuses %s', (_, positions) => {
    expect(() => PositionSet.fromSorted(positions)).toThrow(RangeError);
  });

  test('takes the greatest position whose range still ends at an integer', () => {
    expect(PositionSet.fromSorted([2_147_483_646]).toMultirange()).toBe('{[2147483646,2147483647)}');
  });

  test.each([
    ['an empty text', ''],
    ['a range alone', '[0,3)'],
    ['a closed range', '{[0,3]}'],
    ['an empty range', '{[3,3)}'],
    ['ranges out of order', '{[5,6),[0,3)}'],
    ['ranges that touch', '{[0,3),[3,6)}'],
    ['ranges that overlap', '{[0,3),[2,6)}'],
    ['an unbounded range', '{[0,)}'],
    ['blanks', '{[0, 3)}'],
    ['a leading zero', '{[00,3)}'],
    ['a range without an end', '{[0)}'],
    ['a range with three ends', '{[0,1,2)}'],
    ['a bound beyond an integer', '{[0,2147483648)}'],
    ['text after it', '{[0,3)}x'],
  ])('does not read %s', (_, text) => {
    expect(() => PositionSet.parseMultirange(text)).toThrow(RangeError);
  });

  test('does not take an odd number of bounds', () => {
    expect(() => new PositionSet([0, 3, 5])).toThrow(RangeError);
  });
});

describe('PositionCollector', () => {
  test('gives up everything from a position on, and goes on from there', () => {
    fc.assert(
      fc.property(dense, fc.nat(62), (positions, cut) => {
        const collector = new PositionCollector();
        for (const position of positions) collector.add(position);
        collector.dropFrom(cut);
        const kept = positions.filter((position) => position < cut);
        expect([...collector.toSet()]).toEqual(kept);
        collector.add(70);
        expect([...collector.toSet()]).toEqual([...kept, 70]);
      }),
    );
  });

  test('takes no position below one it has, nor below zero', () => {
    const collector = new PositionCollector();
    expect(() => collector.add(-1)).toThrow(RangeError);
    collector.add(5);
    expect(() => collector.add(5)).toThrow(RangeError);
    expect(() => collector.add(4)).toThrow(RangeError);
  });

  test('hands out sets that do not change when it goes on', () => {
    const collector = new PositionCollector();
    collector.add(0);
    const early = collector.toSet();
    collector.add(1);
    expect([...early]).toEqual([0]);
  });
});
