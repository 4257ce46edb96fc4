/** Until when a job may take, whatever its provider says. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  abandonedAt,
  deadlineOf,
  forgottenAt,
  sendDeadlineOf,
  windowSeconds,
} from '../../src/domain/deadline.ts';

const submittedAt = new Date('2026-11-22T10:00:00Z');
const job = { submittedAt, expiresAt: null, completionWindow: '24h' };

describe('windowSeconds', () => {
  test.each([
    ['30m', 1_800],
    ['24h', 86_400],
    ['7d', 604_800],
    ['336h', 1_209_600],
  ])('reads %s', (window, seconds) => {
    expect(windowSeconds(window)).toBe(seconds);
  });

  test('takes what it cannot read for a day', () => {
    for (const window of ['', 'soon', '24', 'h', '-1h', '1.5h']) expect(windowSeconds(window)).toBe(86_400);
  });
});

describe('deadlineOf', () => {
  test('is the window and the grace after the confirmation, where the provider names no end', () => {
    expect(deadlineOf(job, 3_600)).toEqual(new Date('2026-11-23T11:00:00Z'));
  });

  test('is the grace after the end that the provider names', () => {
    const expiresAt = new Date('2026-11-30T00:00:00Z');
    expect(deadlineOf({ ...job, expiresAt }, 3_600)).toEqual(new Date('2026-11-30T01:00:00Z'));
  });

  test('does not exist before the provider has the job', () => {
    expect(deadlineOf({ ...job, submittedAt: null }, 3_600)).toBeNull();
  });

  test('never lies before the confirmation and the grace, whatever a provider names', () => {
    fc.assert(
      fc.property(fc.option(fc.date({ noInvalidDate: true })), fc.nat(1_000_000), (expiresAt, grace) => {
        const deadline = deadlineOf({ ...job, expiresAt }, grace);
        expect(deadline?.getTime()).toBeGreaterThanOrEqual(submittedAt.getTime() + grace * 1000);
      }),
    );
  });
});

describe('sendDeadlineOf', () => {
  test('is the window and the grace after the job was planned', () => {
    const planned = { createdAt: submittedAt, completionWindow: '24h' };
    expect(sendDeadlineOf(planned, 3_600)).toEqual(new Date('2026-11-23T11:00:00Z'));
  });
});

describe('forgottenAt', () => {
  const window = { completionWindow: '24h' };

  test('is unknown for a job that was never sent', () => {
    expect(forgottenAt({ ...window, sendBefore: null }, 3_600)).toBeNull();
  });

  test('is when a provider that took the job at the last moment would be given up', () => {
    const taken = { ...job, resultsExpireAt: null };
    expect(forgottenAt({ ...window, sendBefore: submittedAt }, 3_600)).toEqual(abandonedAt(taken, 3_600));
  });
});
