import fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectedCompletion, lastOf, runsMin } from '../../src/domain/expected-completion.ts';

const now = new Date('2026-01-01T12:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);
const run = fc.record({
  requestCount: fc.integer({ min: 1, max: 100_000 }),
  seconds: fc.integer({ min: 1, max: 86_400 }),
});
const manyRuns = fc.array(run, { minLength: runsMin, maxLength: 40 });

test('an expected completion lies after now and takes as long as one that was measured', () => {
  fc.assert(
    fc.property(manyRuns, fc.nat(90_000), fc.integer({ min: 1, max: 100_000 }), (runs, age, requestCount) => {
      const at = expectedCompletion({ requestCount, submittedAt: ago(age) }, runs, now);
      if (at === null) {
        expect(runs.every(({ seconds }) => seconds <= age)).toBe(true);
      } else {
        expect(at.getTime()).toBeGreaterThan(now.getTime());
        expect(runs.map(({ seconds }) => seconds)).toContain((at.getTime() - ago(age).getTime()) / 1000);
      }
    }),
  );
});

test('fewer runs than tell anything give no expected completion', () => {
  fc.assert(
    fc.property(fc.array(run, { maxLength: runsMin - 1 }), (runs) => {
      expect(expectedCompletion({ requestCount: 10, submittedAt: now }, runs, now)).toBeNull();
    }),
  );
});

test('an expected completion is that of jobs of about the same size, whatever others took', () => {
  const runs = [10, 10, 10, 10, 10, 10, 10, 10, 10, 50_000, 50_000, 50_000].map((requestCount) => ({
    requestCount,
    seconds: requestCount === 10 ? 60 : 7200,
  }));

  const small = expectedCompletion({ requestCount: 12, submittedAt: now }, runs, now);

  expect(small).toEqual(new Date(now.getTime() + 60_000));
});

test('a job that has taken longer than the usual one is expected when the next longer ones were done', () => {
  const runs = [60, 60, 60, 60, 300].map((seconds) => ({ requestCount: 10, seconds }));

  const late = expectedCompletion({ requestCount: 10, submittedAt: ago(100) }, runs, now);

  expect(late).toEqual(new Date(now.getTime() + 200_000));
});

test('a job that waits is expected as if it were sent now', () => {
  const runs = [60, 60, 60].map((seconds) => ({ requestCount: 10, seconds }));

  expect(expectedCompletion({ requestCount: 10, submittedAt: null }, runs, now)).toEqual(
    new Date(now.getTime() + 60_000),
  );
});

test('the last of several moments is not known where one of them is not', () => {
  expect(lastOf([now, ago(10)])).toEqual(now);
  expect(lastOf([now, null])).toBeNull();
  expect(lastOf([])).toBeNull();
});
