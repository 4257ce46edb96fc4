import { describe, expect, it } from 'vitest';
import { callbackAttemptsMax, unheardDueAt, verdictOn } from '../../src/domain/callback-schedule.ts';

const now = new Date('2026-11-23T10:00:00.000Z');
const place = { attempts: 1, now, random: 0.5 };
const answered = (statusCode: number | null, retryAfter: string | null = null) => ({
  statusCode,
  error: null,
  retryAfter,
});
const secondsUntil = (at: Date | null): number => ((at?.getTime() ?? 0) - now.getTime()) / 1000;
const inSeconds = (seconds: number) => ({
  status: 'PENDING',
  dueAt: new Date(now.getTime() + seconds * 1000),
});

describe('An answer', () => {
  it('of 2xx is what was wanted, and nothing else is', () => {
    for (let status = 100; status < 600; status += 1) {
      const expected = status >= 200 && status < 300 ? 'DELIVERED' : status === 410 ? 'FAILED' : 'PENDING';
      expect(verdictOn(answered(status), place).status, String(status)).toBe(expected);
    }
  });

  it('of 2xx counts at the last attempt, and after it, where somebody asked again', () => {
    for (const attempts of [callbackAttemptsMax, callbackAttemptsMax + 5]) {
      expect(verdictOn(answered(204), { ...place, attempts })).toEqual({ status: 'DELIVERED', dueAt: null });
    }
  });

  it('of 410 ends it for good at the first attempt, whatever it says of later', () => {
    expect(verdictOn(answered(410, '5'), place)).toEqual({ status: 'FAILED', dueAt: null });
  });
});

describe('The pauses', () => {
  const pauses = Array.from({ length: callbackAttemptsMax - 1 }, (_, index) =>
    secondsUntil(verdictOn(answered(500), { ...place, attempts: index + 1 }).dueAt),
  );

  it('are those of Standard Webhooks: soon at first, then hours, more than a day in all', () => {
    expect(pauses).toEqual([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400]);
    expect(pauses.reduce((sum, pause) => sum + pause)).toBeGreaterThan(86_400);
  });

  it('end after the last attempt: it is given up', () => {
    expect(verdictOn(answered(null), { ...place, attempts: callbackAttemptsMax })).toEqual({
      status: 'FAILED',
      dueAt: null,
    });
  });

  it('are moved by chance, a tenth either way', () => {
    const at = (random: number) => secondsUntil(verdictOn(answered(500), { attempts: 2, now, random }).dueAt);
    expect([at(0), at(0.5), at(0.999_999)]).toEqual([270, 300, 330]);
  });

  it('follow a connection that failed as they do an answer', () => {
    expect(verdictOn(answered(null), place)).toEqual(inSeconds(5));
  });
});

describe('Retry-After', () => {
  it.each([
    ['in seconds', '120', 120],
    ['as a date', 'Mon, 23 Nov 2026 10:03:00 GMT', 180],
    ['shorter than our own pause', '1', 5],
    ['in the past', 'Mon, 23 Nov 2026 09:00:00 GMT', 5],
    ['longer than a day', '90000', 86_400],
    ['that is a date in years', 'Tue, 23 Nov 2032 10:00:00 GMT', 86_400],
    ['that cannot be read', 'soon', 5],
    ['that is negative', '-5', 5],
    ['that is empty', '', 5],
  ])('%s is obeyed as far as it can be meant', (_title, text, seconds) => {
    for (const status of [429, 503, 500]) {
      expect(verdictOn(answered(status, text), place)).toEqual(inSeconds(seconds));
    }
  });

  it('never shortens a long pause of ours beyond a day, nor the other way', () => {
    expect(verdictOn(answered(429, '60'), { ...place, attempts: 7 })).toEqual(inSeconds(50_400));
  });
});

describe('An attempt of which nothing is heard', () => {
  it('is followed by the next as if it had failed; after the last, which may have arrived, once more', () => {
    const due = (attempts: number) => secondsUntil(unheardDueAt({ ...place, attempts }));
    expect([1, 2, 7, 8, 9].map(due)).toEqual([5, 300, 50_400, 50_400, 50_400]);
  });
});
