import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHandClock } from '../../src/clock.ts';
import { closesAt, shouldClose, submitRuleSchema } from '../../src/domain/accumulation.ts';

const start = new Date('2026-01-01T00:00:00Z');
const messagesFor = (value: unknown): string[] =>
  submitRuleSchema.safeParse(value).error?.issues.map((issue) => issue.message) ?? [];
const thresholds = fc.option(fc.integer({ min: 1, max: 50 }));
const when = fc.record({
  kind: fc.constant('WHEN' as const),
  requests: thresholds,
  bytes: thresholds,
  seconds: thresholds,
});
const rules = fc.oneof(when, fc.constant({ kind: 'NOW' as const }), fc.constant({ kind: 'MANUAL' as const }));

describe('submitRuleSchema', () => {
  test('reads each rule, and a threshold left out as null', () => {
    expect(submitRuleSchema.parse({ kind: 'NOW' })).toEqual({ kind: 'NOW' });
    expect(submitRuleSchema.parse({ kind: 'MANUAL' })).toEqual({ kind: 'MANUAL' });
    expect(submitRuleSchema.parse({ kind: 'WHEN', requests: 3 })).toEqual({
      kind: 'WHEN',
      requests: 3,
      bytes: null,
      seconds: null,
    });
  });

  test.each([
    ['WHEN without a threshold', { kind: 'WHEN' }, 'WHEN needs at least one of requests, bytes and seconds.'],
    [
      'WHEN with nothing but nulls',
      { kind: 'WHEN', requests: null, bytes: null, seconds: null },
      'WHEN needs at least one of requests, bytes and seconds.',
    ],
    ['zero requests', { kind: 'WHEN', requests: 0 }, 'requests must be a whole number from 1 to 2147483647.'],
    ['half a byte', { kind: 'WHEN', bytes: 0.5 }, 'bytes must be a whole number from 1 to 9007199254740991.'],
    [
      'text for seconds',
      { kind: 'WHEN', seconds: '5' },
      'seconds must be a whole number from 1 to 31536000.',
    ],
    [
      'two years',
      { kind: 'WHEN', seconds: 63_072_000 },
      'seconds must be a whole number from 1 to 31536000.',
    ],
    ['an unknown kind', { kind: 'LATER' }, 'kind must be NOW, MANUAL or WHEN.'],
    ['a threshold beside NOW', { kind: 'NOW', requests: 3 }, 'Unrecognized key: "requests"'],
    ['a misspelt threshold', { kind: 'WHEN', request: 3, bytes: 1 }, 'Unrecognized key: "request"'],
  ])('refuses %s', (_, value, message) => {
    expect(messagesFor(value)).toEqual([message]);
  });
});

describe('shouldClose', () => {
  test('never closes an empty batch, whatever the rule', () => {
    fc.assert(
      fc.property(rules, fc.nat(1000), (rule, seconds) => {
        const clock = createHandClock(start);
        clock.advance({ seconds });
        const batch = { requests: 0, bytes: 0, firstRequestAt: null };
        expect(shouldClose(rule, batch, clock.now())).toBe(false);
      }),
    );
  });

  test('closes by WHEN exactly when one of its thresholds is reached', () => {
    const amount = fc.integer({ min: 1, max: 100 });
    fc.assert(
      fc.property(when, amount, amount, amount, (rule, requests, bytes, seconds) => {
        const clock = createHandClock(start);
        clock.advance({ seconds });
        const reached = [
          [rule.requests, requests],
          [rule.bytes, bytes],
          [rule.seconds, seconds],
        ] as const;
        const expected = reached.some(([limit, value]) => limit !== null && value >= limit);
        expect(shouldClose(rule, { requests, bytes, firstRequestAt: start }, clock.now())).toBe(expected);
      }),
    );
  });

  test('closes by WHEN at the very number, byte or second, and not one before', () => {
    const rule = { kind: 'WHEN', requests: null, bytes: null, seconds: null } as const;
    const batch = { requests: 5, bytes: 5, firstRequestAt: start };
    const now = new Date(start.getTime() + 5000);
    for (const threshold of ['requests', 'bytes', 'seconds'] as const) {
      expect(shouldClose({ ...rule, [threshold]: 5 }, batch, now)).toBe(true);
      expect(shouldClose({ ...rule, [threshold]: 6 }, batch, now)).toBe(false);
    }
  });

  test('closes by NOW with the first requests, and by MANUAL never', () => {
    const batch = { requests: 1, bytes: 1, firstRequestAt: start };
    const later = new Date('2036-01-01T00:00:00Z');
    expect(shouldClose({ kind: 'NOW' }, batch, start)).toBe(true);
    expect(shouldClose({ kind: 'MANUAL' }, batch, later)).toBe(false);
  });
});

describe('closesAt', () => {
  const rule = { kind: 'WHEN', requests: 9, bytes: null, seconds: 60 } as const;

  test('starts the timer with the first request', () => {
    expect(closesAt(rule, null)).toBeNull();
    expect(closesAt(rule, start)).toEqual(new Date('2026-01-01T00:01:00Z'));
  });

  test('has no timer where the rule names no seconds', () => {
    expect(closesAt({ ...rule, seconds: null }, start)).toBeNull();
    expect(closesAt({ kind: 'NOW' }, start)).toBeNull();
    expect(closesAt({ kind: 'MANUAL' }, start)).toBeNull();
  });

  test('is the first instant at which the timer alone closes the batch', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 31_536_000 }), (seconds) => {
        const timed = { kind: 'WHEN', requests: null, bytes: null, seconds } as const;
        const batch = { requests: 1, bytes: 1, firstRequestAt: start };
        const due = closesAt(timed, start)!;
        expect(shouldClose(timed, batch, due)).toBe(true);
        expect(shouldClose(timed, batch, new Date(due.getTime() - 1))).toBe(false);
      }),
    );
  });
});
