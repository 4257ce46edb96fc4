import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decimalOfCount,
  decimalPattern,
  minus,
  plus,
  plusKnown,
  shifted,
  sumOfCounted,
  times,
} from '../../src/domain/decimal.ts';

/** Whole numbers of a millionth; how the same is written in full is told by bigint alone. */
const millionths = fc.bigInt({ min: 0n, max: 10n ** 15n });
const written = (count: bigint) => shifted(count.toString(), 6);

describe('A decimal', () => {
  it.each([
    ['0.1 and 0.2', plus('0.1', '0.2'), '0.3'],
    [
      'more digits than a floating-point number holds',
      plus('90071992547409.93', '0.0000000001'),
      '90071992547409.9300000001',
    ],
    ['a difference below zero', minus('0.5', '1.25'), '-0.75'],
    ['a sum with one below zero', plus('-0.75', '0.25'), '-0.5'],
    ['a sum that comes to nothing', plus('-0.75', '0.75'), '0'],
    ['half of a thousandth of a cent', times('0.00001', '0.5'), '0.000005'],
    ['a price per million for one token', shifted('0.15', 6), '0.00000015'],
    ['a sum as a database writes it', plus('1.500', '0'), '1.5'],
    ['whole hundreds', plus('100', '200'), '300'],
  ])('is exact: %s', (_, result, expected) => {
    expect(result).toBe(expected);
  });

  it.each([
    [null, null, null],
    ['1.50', null, '1.5'],
    [null, '0.50', '0.5'],
    ['1.50', '0.50', '2'],
  ])('that is known is not lost to one that is not: %s and %s', (one, other, sum) => {
    expect(plusKnown(one, other)).toBe(sum);
  });

  it('keeps what was added, whatever is added and taken away', () => {
    fc.assert(
      fc.property(millionths, millionths, (one, other) => {
        expect(plus(written(one), written(other))).toBe(written(one + other));
        expect(minus(plus(written(one), written(other)), written(other))).toBe(written(one));
        expect(times(written(one), decimalOfCount(7))).toBe(written(one * 7n));
      }),
    );
  });

  it('is the same whether many are summed at once or one after the other', () => {
    const terms = fc.array(fc.record({ count: fc.nat(10_000_000), rate: millionths.map(written) }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(terms, (counted) => {
        const oneByOne = counted.reduce(
          (sum, { count, rate }) => plus(sum, times(decimalOfCount(count), rate)),
          '0',
        );
        expect(sumOfCounted(counted, 6)).toBe(shifted(oneByOne, 6));
      }),
    );
  });

  it('has one way to be written, without an exponent and without zeros at its end', () => {
    fc.assert(
      fc.property(millionths, (count) => {
        const text = written(count);
        expect(text).toMatch(decimalPattern);
        expect(text).not.toMatch(/\.\d*0$/);
        expect(plus(text, '0.000')).toBe(text);
      }),
    );
  });
});
