import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { momentIn, momentText } from '../../src/domain/moment-text.ts';

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

describe('The moment in a text of Postgres', () => {
  /** As Postgres writes it in UTC, without zeros at the end of a fraction. */
  const written = (date: Date) =>
    `${date
      .toISOString()
      .replace('T', ' ')
      .replace(/\.?0*Z$/, '')}+00`;

  it('is the one that was written, for every year with four digits', () => {
    const dates = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(dates, (date) => {
        expect(momentIn(written(date))).toEqual(date);
      }),
    );
  });

  it.each([
    '2026-11-23 10:00:00+01',
    '2026-11-23 10:00:00.1234+00',
    '2026-11-23 10:00:00+05:30',
    '10000-11-23 10:00:00+00',
    '0044-03-15 10:00:00+00 BC',
    'infinity',
    '2026-11-23',
    '',
  ])('is left to others where it is written otherwise: %s', (text) => {
    expect(momentIn(text)).toBeNull();
  });
});
