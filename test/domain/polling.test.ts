import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoff, defaultPollSchedule, nextPollAt } from '../../src/domain/polling.ts';

const submittedAt = new Date('2026-01-01T00:00:00Z');
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const ageSeconds = fc.oneof(fc.nat(100), fc.nat(100_000), fc.nat(10_000_000));
const schedules = fc.record({
  firstSeconds: fc.integer({ min: 1, max: 60 }),
  growth: fc.double({ min: 0.01, max: 2, noNaN: true }),
  maxSeconds: fc.integer({ min: 60, max: 7200 }),
  jitter: fc.double({ min: 0, max: 0.5, noNaN: true }),
});

/** What rounding up to whole milliseconds may add, in seconds. */
const roundedUp = 0.0011;

const at = (seconds: number): Date => new Date(submittedAt.getTime() + seconds * 1000);
const waitSeconds = (schedule: typeof defaultPollSchedule, age: number, chance: number): number =>
  (nextPollAt(schedule, { submittedAt, now: at(age), retryAt: null, random: chance }).getTime() -
    at(age).getTime()) /
  1000;

describe('nextPollAt', () => {
  test('waits longer the older the job is', () => {
    fc.assert(
      fc.property(schedules, ageSeconds, ageSeconds, random, (schedule, one, other, chance) => {
        const [younger, older] = one < other ? [one, other] : [other, one];
        expect(waitSeconds(schedule, younger, chance)).toBeLessThanOrEqual(
          waitSeconds(schedule, older, chance),
        );
      }),
    );
  });

  test('waits neither less than the first wait nor more than the longest, give or take the jitter', () => {
    fc.assert(
      fc.property(schedules, ageSeconds, random, (schedule, age, chance) => {
        const wait = waitSeconds(schedule, age, chance);
        expect(wait).toBeGreaterThanOrEqual(schedule.firstSeconds * (1 - schedule.jitter) - 1e-9);
        expect(wait).toBeLessThanOrEqual(schedule.maxSeconds * (1 + schedule.jitter) + roundedUp);
      }),
    );
  });

  test('asks by default after 5 seconds at first and hourly in the end', () => {
    expect(waitSeconds(defaultPollSchedule, 0, 0.5)).toBe(5);
    expect(waitSeconds(defaultPollSchedule, 60, 0.5)).toBe(30);
    fc.assert(
      fc.property(fc.integer({ min: 7200, max: 10_000_000 }), random, (age, chance) => {
        expect(Math.abs(waitSeconds(defaultPollSchedule, age, chance) - 3600)).toBeLessThanOrEqual(
          360 + roundedUp,
        );
      }),
    );
  });

  test('spreads jobs of one age over the whole jitter', () => {
    expect(waitSeconds(defaultPollSchedule, 100_000, 0)).toBe(3240);
    expect(waitSeconds(defaultPollSchedule, 100_000, 0.75)).toBe(3780);
  });

  test('never asks before the provider allows it, and never sooner because of that', () => {
    fc.assert(
      fc.property(ageSeconds, fc.integer({ min: -100, max: 100_000 }), random, (age, later, chance) => {
        const now = at(age);
        const retryAt = at(age + later);
        const alone = nextPollAt(defaultPollSchedule, { submittedAt, now, retryAt: null, random: chance });
        const asked = nextPollAt(defaultPollSchedule, { submittedAt, now, retryAt, random: chance });
        expect(asked.getTime()).toBe(Math.max(alone.getTime(), retryAt.getTime()));
      }),
    );
  });

  test('treats a job from the future, as a clock that was set back shows it, as a young one', () => {
    expect(waitSeconds(defaultPollSchedule, -3600, 0.5)).toBe(5);
  });
});

describe('backoff', () => {
  test('doubles from one second up to five minutes', () => {
    const pauses = [1, 2, 3, 4, 9, 10, 11, 5000].map((failures) => backoff({ failures, random: 0.5 }));
    expect(pauses).toEqual([1, 2, 4, 8, 256, 300, 300, 300]);
  });

  test('stays within a tenth of that, and never shrinks as failures add up', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), random, (failures, chance) => {
        const pause = backoff({ failures, random: chance });
        const middle = backoff({ failures, random: 0.5 });
        expect(Math.abs(pause - middle)).toBeLessThanOrEqual(middle * 0.1 + 1e-9);
        expect(backoff({ failures: failures + 1, random: chance })).toBeGreaterThanOrEqual(pause);
      }),
    );
    expect(backoff({ failures: 1, random: 0 })).toBeCloseTo(0.9);
  });
});
