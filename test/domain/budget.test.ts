import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fits, heldAfter, isNearlyUsed, remainingOf, setBudgetInput } from '../../src/domain/budget.ts';
import { isMore, minus, plus, zero } from '../../src/domain/decimal.ts';

const amount = fc
  .nat({ max: 1_000_000 })
  .map((cents) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`);
const budget = fc.record({ limit: amount, spent: amount, reserved: amount });

describe('A budget', () => {
  it('has room for exactly what remains of it', () => {
    fc.assert(
      fc.property(budget, amount, (of, wish) => {
        const used = plus(of.spent, of.reserved);
        expect(fits(of, wish)).toBe(!isMore(plus(used, wish), of.limit));
        if (!isMore(used, of.limit)) expect(fits(of, remainingOf(of))).toBe(true);
        expect(isMore(zero, remainingOf(of))).toBe(false);
      }),
    );
  });

  it('has room for what nobody knows the cost of as long as anything remains', () => {
    expect(fits({ limit: '10', spent: '4', reserved: '5.99' }, null)).toBe(true);
    expect(fits({ limit: '10', spent: '4', reserved: '6' }, null)).toBe(false);
    expect(fits({ limit: '0', spent: '0', reserved: '0' }, null)).toBe(false);
    fc.assert(fc.property(budget, (of) => fits(of, null) === isMore(remainingOf(of), zero)));
  });

  it.each([
    ['7.99', '0', false],
    ['4', '4', true],
    ['0', '8', true],
    ['12', '0', true],
  ])('of ten with %s spent and %s held is nearly used: %s', (spent, reserved, nearly) => {
    expect(isNearlyUsed({ limit: '10', spent, reserved })).toBe(nearly);
  });

  it.each([undefined, 3, '-1', '1e3', '', '1.0000000000001', '1'.repeat(13)])('cannot be %s', (limit) => {
    expect(setBudgetInput.safeParse({ limit }).success).toBe(false);
  });
});

describe('What a batch holds', () => {
  const going = { cost: null, goesOn: true, begun: undefined };

  it('goes down by what results cost, so that both together stay the same until they cost more than was thought', () => {
    fc.assert(
      fc.property(amount, fc.array(amount), (begun, costs) => {
        let held = heldAfter({ isUnderWay: false, reserved: null }, { ...going, begun });
        let spent = zero;
        for (const cost of costs) {
          held = heldAfter({ isUnderWay: true, reserved: held }, { ...going, cost });
          spent = plus(spent, cost);
        }
        expect(plus(held ?? '?', spent)).toBe(plus(isMore(spent, begun) ? spent : begun, zero));
      }),
    );
  });

  it('is free when nothing of it goes on, but for what is begun at the same time', () => {
    fc.assert(
      fc.property(amount, amount, amount, (reserved, cost, begun) => {
        const ending = { cost, goesOn: false, begun: undefined };
        expect(heldAfter({ isUnderWay: true, reserved }, ending)).toBe('0');
        expect(heldAfter({ isUnderWay: true, reserved: null }, { ...ending, begun })).toBe(
          plus(minus(begun, zero), zero),
        );
      }),
    );
  });

  it('is not known while anything under way may cost nobody knows what', () => {
    expect(heldAfter({ isUnderWay: true, reserved: null }, { ...going, begun: '1' })).toBeNull();
    expect(heldAfter({ isUnderWay: true, reserved: '1' }, { ...going, begun: null })).toBeNull();
    expect(heldAfter({ isUnderWay: true, reserved: '1' }, { ...going, begun: '2' })).toBe('3');
  });
});
