/** Which failures are tried again, by whom, and when. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  attemptAt,
  failedStatuses,
  hasAttemptLeft,
  hasFailed,
  isSelected,
  policyOf,
  retryBatchInput,
  retryPolicySchema,
  retryRefusal,
  selectionOf,
  transientFailures,
} from '../../src/domain/retry.ts';
import { batchStatuses, isTerminalBatch, itemStatuses } from '../../src/domain/status.ts';

const code = fc.constantFrom('overloaded', 'refused', 'missing_result');
const outcomes = fc.record({
  status: fc.constantFrom(...itemStatuses),
  errorCode: fc.option(code),
  retryable: fc.option(fc.boolean()),
});
const selections = fc.record({
  status: fc.subarray([...failedStatuses], { minLength: 1 }),
  errorCode: fc.option(fc.array(code, { minLength: 1 })),
  onlyRetryable: fc.boolean(),
});

describe('A selection', () => {
  it('never has a request that has an answer or is under way', () => {
    fc.assert(
      fc.property(selections, outcomes, (selection, outcome) => {
        if (isSelected(selection, outcome)) expect(hasFailed(outcome.status)).toBe(true);
      }),
    );
  });

  it('that says more has no request that one which says less has not', () => {
    const all = selectionOf({});
    fc.assert(
      fc.property(selections, outcomes, (selection, outcome) => {
        const wider = { ...selection, onlyRetryable: false, errorCode: null };
        if (isSelected(selection, outcome)) {
          expect([isSelected(wider, outcome), isSelected(all, outcome)]).toEqual([true, true]);
        }
      }),
    );
  });

  it('without any condition has everything that failed', () => {
    fc.assert(
      fc.property(outcomes, (outcome) => {
        expect(isSelected(selectionOf({}), outcome)).toBe(hasFailed(outcome.status));
      }),
    );
  });

  it('of a policy has exactly what failed in a way that may pass, and never what was cancelled', () => {
    fc.assert(
      fc.property(outcomes, (outcome) => {
        const isTransient = outcome.retryable === true && ['ERRORED', 'EXPIRED'].includes(outcome.status);
        expect(isSelected(transientFailures, outcome)).toBe(isTransient);
      }),
    );
  });
});

test('A batch can be retried in every state but while it is open and while it is being cancelled', () => {
  const refused = batchStatuses.filter((status) => retryRefusal(status) !== null);
  expect(refused).toEqual(['ACCUMULATING', 'CANCELLING']);
  expect(refused.some(isTerminalBatch)).toBe(false);
});

describe('An input of retryBatch', () => {
  it.each([
    ['an empty list of states', { filter: { status: [] } }, 'status is an empty list'],
    ['an empty list of codes', { filter: { errorCode: [] } }, 'errorCode is an empty list'],
    ['an empty list of names', { filter: { customIds: [] } }, 'customIds is an empty list'],
    ['a code with NUL', { filter: { errorCode: ['a\0b'] } }, 'must not contain the character NUL'],
    ['more names than it may', { filter: { customIds: Array(10_001).fill('a') } }, 'at most 10000'],
    ['a state with an answer', { filter: { status: ['SUCCEEDED'] } }, 'Invalid option'],
    ['a field that nobody knows', { filter: { position: 1 } }, 'Unrecognized key'],
  ])('with %s is refused', (_what, input, message) => {
    const { error } = retryBatchInput.safeParse(input);
    expect(error?.issues[0]?.message).toContain(message);
  });

  it('takes null for what is left out', () => {
    const nothing = { filter: { status: null, errorCode: null, customIds: null }, onlyRetryable: null };
    expect(selectionOf(retryBatchInput.parse(nothing))).toEqual(selectionOf({}));
    expect(selectionOf(retryBatchInput.parse({ filter: null }))).toEqual(selectionOf({}));
  });
});

describe('A policy', () => {
  it('has 2 to 10 attempts and pauses from a second to six hours, a minute where nothing is said', () => {
    for (const silent of [{}, { backoffSeconds: null }]) {
      expect(retryPolicySchema.parse({ attempts: 3, ...silent })).toEqual({
        attempts: 3,
        backoffSeconds: 60,
      });
    }
    for (const wrong of [1, 11, 2.5, '3', null]) {
      expect(retryPolicySchema.safeParse({ attempts: wrong }).error?.issues[0]?.message).toBe(
        'attempts must be a whole number from 2 to 10; the first one counts.',
      );
    }
    for (const wrong of [0, 21_601, 1.5]) {
      const { error } = retryPolicySchema.safeParse({ attempts: 2, backoffSeconds: wrong });
      expect(error?.issues[0]?.message).toBe('backoffSeconds must be a whole number from 1 to 21600.');
    }
  });

  it('is read from a row as it was written, and is none where it says nothing', () => {
    expect(policyOf({ retryAttempts: 3, retryBackoffSeconds: 5 })).toEqual({
      attempts: 3,
      backoffSeconds: 5,
    });
    expect(policyOf({ retryAttempts: null, retryBackoffSeconds: null })).toBeNull();
  });

  it('has attempts left until the last one, none for a batch that was cancelled, and none where there is no policy', () => {
    const left = (attempts: number, cancelRequested = false) =>
      hasAttemptLeft({ attempts: 3 }, { attempts, cancelRequested });
    expect([left(1), left(2), left(3), left(4)]).toEqual([true, true, false, false]);
    expect(left(1, true)).toBe(false);
    expect(hasAttemptLeft(null, { attempts: 1, cancelRequested: false })).toBe(false);
  });

  it('doubles its pause with each attempt, up to six hours, give or take a tenth', () => {
    const now = new Date('2026-01-01T00:00:00Z');
    const pause = (attempt: number, backoffSeconds: number, random: number) =>
      (attemptAt({ now, attempt, backoffSeconds, random }).getTime() - now.getTime()) / 1000;
    expect([2, 3, 4, 5].map((attempt) => pause(attempt, 60, 0.5))).toEqual([60, 120, 240, 480]);
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 10 }),
        fc.integer({ min: 1, max: 21_600 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, seconds, random) => {
          const meant = Math.min(seconds * 2 ** (attempt - 2), 21_600);
          expect(Math.abs(pause(attempt, seconds, random) - meant)).toBeLessThanOrEqual(meant / 10 + 0.001);
          expect(pause(attempt, seconds, random)).toBeGreaterThan(0);
        },
      ),
    );
  });
});
