/** The rules of points and minutes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  pointsOf,
  secondsLeft,
  tighterOf,
  unsettledMax,
  windowAt,
  windowSeconds,
} from '../../src/domain/rate-limit.ts';

const moment = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true });

describe('A window', () => {
  it('has every moment, is a minute long, and is followed by another without a gap', () => {
    fc.assert(
      fc.property(moment, (now) => {
        const window = windowAt(now);
        expect(window.startsAt <= now && now < window.endsAt).toBe(true);
        expect(window.endsAt.getTime() - window.startsAt.getTime()).toBe(windowSeconds * 1000);
        expect(windowAt(window.endsAt).startsAt).toEqual(window.endsAt);
      }),
    );
  });

  it('is over for whoever waits as long as is said, and no second sooner', () => {
    fc.assert(
      fc.property(moment, (now) => {
        const window = windowAt(now);
        const seconds = secondsLeft(window, now);
        expect(new Date(now.getTime() + seconds * 1000) >= window.endsAt).toBe(true);
        expect(new Date(now.getTime() + (seconds - 1) * 1000) < window.endsAt).toBe(true);
      }),
    );
  });
});

describe('Points', () => {
  it.each([
    [0, 1],
    [1, 1],
    [100, 1],
    [101, 2],
    [250_000, 2500],
  ])('of %i fields are %i', (complexity, points) => expect(pointsOf(complexity)).toBe(points));

  it('that others need not know of are a tenth, and at least one', () => {
    expect([1, 9, 10, 600_000].map(unsettledMax)).toEqual([1, 1, 1, 60_000]);
  });

  it('are told of the one that has fewer left, of the key where both have as many', () => {
    const key = { scope: 'key', limit: 10, remaining: 5 } as const;
    const organization = { scope: 'organization', limit: 100, remaining: 4 } as const;
    expect(tighterOf([key, organization])).toBe(organization);
    expect(tighterOf([key, { ...organization, remaining: 5 }])).toBe(key);
  });
});
