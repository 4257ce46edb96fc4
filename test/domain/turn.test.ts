import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type JobInFlight, nextInTurn, turnOf, type WaitingJob } from '../../src/domain/turn.ts';

const now = new Date('2026-11-23T10:00:00.000Z');
const times = { requestTimeoutSeconds: 60, listDelaySeconds: 60 };
const inSeconds = (seconds: number) => new Date(now.getTime() + seconds * 1000);

const flying = (
  status: JobInFlight['status'],
  requestCount: number,
  sendBefore = inSeconds(600),
): JobInFlight => ({
  status,
  requestCount,
  sendBefore,
});
const waiting = (id: string, requestCount: number, dueAt = inSeconds(5)): WaitingJob => ({
  id,
  requestCount,
  dueAt,
});
const turn = (inFlight: JobInFlight[], others: WaitingJob[] = [], requestCount = 7) =>
  turnOf({ requestCount }, { inFlight, waiting: others }, now, times);

describe('The turn of a job', () => {
  it('is now where nobody else is in flight or waits', () => {
    expect(turn([])).toEqual({ turn: 'now' });
  });

  it('is later while another is being sent, whatever its size', () => {
    expect(turn([flying('PENDING', 7)])).toEqual({ turn: 'later', seconds: 5, before: null });
    expect(turn([flying('PENDING', 8)])).toEqual({ turn: 'later', seconds: 5, before: null });
  });

  it('is later while another of its size is looked for, and not for one of another size', () => {
    expect(turn([flying('UNKNOWN', 7)])).toMatchObject({ turn: 'later' });
    expect(turn([flying('UNKNOWN', 8)])).toEqual({ turn: 'now' });
  });

  it('comes when what is lost cannot come to show any more, so that one that waits for a person stops nobody', () => {
    expect(turn([flying('UNKNOWN', 7, inSeconds(-119))])).toMatchObject({ turn: 'later' });
    expect(turn([flying('UNKNOWN', 7, inSeconds(-120))])).toEqual({ turn: 'now' });
    expect(turn([flying('PENDING', 7, inSeconds(-120))])).toEqual({ turn: 'now' });
  });

  it('comes after those that have waited longer, and never after one that cannot go itself', () => {
    expect(turn([], [waiting('a', 3), waiting('b', 4)])).toMatchObject({ turn: 'later', before: 'a' });
    const lost = flying('UNKNOWN', 3);
    expect(turn([lost], [waiting('a', 3), waiting('b', 4)])).toMatchObject({ turn: 'later', before: 'b' });
    expect(turn([lost], [waiting('a', 3)])).toEqual({ turn: 'now' });
  });

  it('does not wait for one that does not ask again soon', () => {
    expect(turn([], [waiting('a', 3, inSeconds(61))])).toEqual({ turn: 'now' });
  });

  it('is asked about more slowly the more are before it, and at least each minute', () => {
    const others = Array.from({ length: 10 }, (_, index) => waiting(`w${index}`, 3));
    expect(turn([flying('PENDING', 1)], others)).toMatchObject({ seconds: 25, before: null });
    expect(turn([flying('PENDING', 1)], [...others, ...others, ...others])).toMatchObject({ seconds: 60 });
  });
});

describe('Who is next', () => {
  const next = (inFlight: JobInFlight[], others: WaitingJob[]) =>
    nextInTurn({ inFlight, waiting: others }, now, times);

  it('is the oldest that can go', () => {
    expect(next([], [waiting('a', 3), waiting('b', 4)])).toBe('a');
    expect(next([flying('UNKNOWN', 3)], [waiting('a', 3), waiting('b', 4)])).toBe('b');
    expect(next([flying('PENDING', 9)], [waiting('a', 3)])).toBeNull();
    expect(next([], [])).toBeNull();
  });
});

describe('Any queue', () => {
  const jobs = fc.array(
    fc.record({
      status: fc.constantFrom('PENDING' as const, 'UNKNOWN' as const),
      requestCount: fc.integer({ min: 1, max: 4 }),
      sendBefore: fc.integer({ min: -300, max: 600 }).map(inSeconds),
    }),
    { maxLength: 4 },
  );
  const others = fc.array(
    fc.record({
      id: fc.uuid(),
      requestCount: fc.integer({ min: 1, max: 4 }),
      dueAt: fc.integer({ min: -5, max: 90 }).map(inSeconds),
    }),
    { maxLength: 4 },
  );

  it('lets nobody go beside one that is being sent or is lost with as many requests', () => {
    fc.assert(
      fc.property(jobs, others, fc.integer({ min: 1, max: 4 }), (inFlight, queue, requestCount) => {
        const rivals = inFlight.filter(({ sendBefore }) => sendBefore > inSeconds(-120));
        if (turn(inFlight, queue, requestCount).turn === 'now') {
          expect(rivals.some(({ status }) => status === 'PENDING')).toBe(false);
          expect(rivals.map((rival) => rival.requestCount)).not.toContain(requestCount);
        }
      }),
      { seed: 42 },
    );
  });

  it('never stands still: somebody goes, or what they wait for comes to its end by itself', () => {
    fc.assert(
      fc.property(jobs, others, fc.integer({ min: 1, max: 4 }), (inFlight, queue, requestCount) => {
        const late = inSeconds(721);
        const all = { inFlight, waiting: queue };
        const own = turnOf({ requestCount }, all, late, times);
        expect(own.turn === 'now' || own.before !== null).toBe(true);
      }),
      { seed: 42 },
    );
  });
});
