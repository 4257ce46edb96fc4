import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dayOf, daysIn, firstDayOf, isDay, lastDayOf, monthOf } from '../../src/domain/month.ts';

const moment = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-11-30T00:00:00Z'),
  noInvalidDate: true,
});

describe('A month', () => {
  it('begins and ends in UTC, with every moment of it between', () => {
    fc.assert(
      fc.property(moment, (at) => {
        const month = monthOf(at);
        const [first, last] = [firstDayOf(month), lastDayOf(month)];
        expect(first <= dayOf(at) && dayOf(at) <= last).toBe(true);
        expect([first, last].every(isDay)).toBe(true);
        const next = new Date(Date.parse(last) + 86_400_000);
        expect([monthOf(next) === month, next.getUTCDate()]).toEqual([false, 1]);
        expect(daysIn(first, last)).toBe(Number(last.slice(-2)));
      }),
    );
  });

  it('is that of the moment in UTC, whatever day it is elsewhere', () => {
    expect(monthOf(new Date('2026-11-30T23:59:59.999Z'))).toBe('2026-11');
    expect(monthOf(new Date('2026-12-01T00:30:00+01:00'))).toBe('2026-11');
  });
});

describe('A day', () => {
  it.each(['2026-02-30', '2026-2-3', '0000-01-01', '20260203', '2026-02-03T00:00:00Z', '', 3])(
    'is not %s',
    (text) => {
      expect(isDay(text)).toBe(false);
    },
  );

  it('counts in a span with both its ends; a span that ends before it begins has none', () => {
    expect(daysIn('2028-02-28', '2028-03-01')).toBe(3);
    expect(daysIn('2026-11-27', '2026-11-27')).toBe(1);
    expect(daysIn('2026-11-27', '2026-11-01')).toBe(0);
  });
});
