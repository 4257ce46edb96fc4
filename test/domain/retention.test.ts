import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EndTimes, endedAt, keptSince, keptUntil } from '../../src/domain/retention.ts';
import { batchStatuses, isTerminalBatch } from '../../src/domain/status.ts';

const notOver: EndTimes = { completedAt: null, failedAt: null, expiredAt: null, cancelledAt: null };
const moments = fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true });
const days = fc.integer({ min: 1, max: 3650 });
const ended = fc
  .tuple(fc.constantFrom('completedAt', 'failedAt', 'expiredAt', 'cancelledAt'), moments)
  .map(([column, at]): EndTimes => ({ ...notOver, [column]: at }));

describe('How long requests and results are kept', () => {
  it('is counted from the end of the batch, whatever it ended as', () => {
    fc.assert(
      fc.property(ended, days, (batch, retentionDays) => {
        const until = keptUntil(batch, retentionDays);
        expect(until?.getTime()).toBe((endedAt(batch)?.getTime() ?? 0) + retentionDays * 86_400_000);
      }),
    );
    expect(batchStatuses.filter(isTerminalBatch)).toHaveLength(Object.keys(notOver).length);
  });

  it('has no end while the batch is not over, and where nothing says so', () => {
    fc.assert(
      fc.property(ended, days, (batch, retentionDays) => {
        expect(keptUntil(notOver, retentionDays)).toBeNull();
        expect(keptUntil(batch, null)).toBeNull();
      }),
    );
    expect(keptSince(new Date(), null)).toBeNull();
  });

  it('is over for a batch at the very moment at which it was told to be', () => {
    fc.assert(
      fc.property(ended, days, moments, (batch, retentionDays, now) => {
        const until = keptUntil(batch, retentionDays) ?? now;
        const isOver = (at: Date) => (endedAt(batch) ?? at) <= (keptSince(at, retentionDays) ?? at);
        expect(isOver(now)).toBe(now >= until);
        expect(isOver(until)).toBe(true);
        expect(isOver(new Date(until.getTime() - 1))).toBe(false);
      }),
    );
  });
});
