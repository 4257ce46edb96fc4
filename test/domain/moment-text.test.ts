import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { momentText } from '../../src/domain/moment-text.ts';

describe('The text of a moment', () => {
  it('is what ISO 8601 says, for every moment that there is', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), (date) => momentText(date) === date.toISOString()),
    );
  });

  it('is right at the turn of a day, and again the day before', () => {
    const midnight = Date.UTC(2026, 10, 28);
    for (const time of [midnight - 1, midnight, midnight - 1, -1, 0])
      expect(momentText(new Date(time))).toBe(new Date(time).toISOString());
  });

  it('is none where the moment is none', () => {
    expect(() => momentText(new Date(Number.NaN))).toThrow(RangeError);
  });
});
