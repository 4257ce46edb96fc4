import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shifted } from '../../src/domain/decimal.ts';
import { resultStatuses } from '../../src/domain/status.ts';
import { addTallies, type Counted, isSpent, tallyOf, tallyOfSame, totalOf } from '../../src/domain/tally.ts';
import { unknownUsage } from '../../src/domain/usage.ts';

const tokens = fc.option(fc.nat({ max: 1_000_000 }), { nil: null });
const money = fc.option(
  fc
    .tuple(fc.nat({ max: 10 ** 9 }), fc.nat({ max: 12 }))
    .map(([units, places]) => shifted(String(units), places)),
  { nil: null },
);
const results: fc.Arbitrary<Counted[]> = fc.array(
  fc.record({
    status: fc.constantFrom(...resultStatuses),
    inputTokens: tokens,
    outputTokens: tokens,
    cachedInputTokens: tokens,
    cacheWriteInputTokens: tokens,
    reasoningTokens: tokens,
    cost: money,
    saved: money,
  }),
  { maxLength: 30 },
);

describe('What results come to', () => {
  it('counts every result once, by its outcome', () => {
    fc.assert(
      fc.property(results, (all) => {
        const tally = tallyOf(all);
        expect(totalOf(tally)).toBe(all.length);
        expect(tally.expired).toBe(all.filter(({ status }) => status === 'EXPIRED').length);
      }),
    );
  });

  it('is the same however they are divided', () => {
    fc.assert(
      fc.property(results, results, (some, others) => {
        expect(addTallies([tallyOf(some), tallyOf(others)])).toEqual(tallyOf([...some, ...others]));
      }),
    );
  });

  it('is known where one of them is known, and null where none is', () => {
    const one = { status: 'SUCCEEDED', ...unknownUsage, cost: null, saved: null } as const;
    expect(tallyOf([one])).toMatchObject({ inputTokens: null, cost: null, unpriced: 1 });
    const two = tallyOf([
      one,
      { ...one, inputTokens: 7, cost: '0.10' },
      { ...one, inputTokens: 0, cost: '0.025' },
    ]);
    expect(two).toMatchObject({
      inputTokens: 7,
      outputTokens: null,
      cost: '0.125',
      saved: null,
      unpriced: 1,
    });
  });

  it('of results of which only the outcome is known is their count', () => {
    for (const status of resultStatuses) {
      const one = { status, ...unknownUsage, cost: null, saved: null };
      expect(tallyOfSame(status, 3)).toEqual(tallyOf([one, one, one]));
    }
  });

  it('is spent where something was answered, used or paid, and not where nothing was', () => {
    const failed = { status: 'ERRORED', ...unknownUsage, cost: null, saved: null } as const;
    expect(isSpent(tallyOf([failed]))).toBe(false);
    expect(isSpent(tallyOf([failed, { ...failed, reasoningTokens: 0 }]))).toBe(true);
    expect(isSpent(tallyOf([{ ...failed, cost: '0.1' }]))).toBe(true);
    expect(isSpent(tallyOf([{ ...failed, status: 'SUCCEEDED' }]))).toBe(true);
  });
});
