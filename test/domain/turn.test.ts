import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byTurns, type JobInFlight, nextInTurn, turnOf, type WaitingJob } from '../../src/domain/turn.ts';

const now = new Date('2026-11-23T10:00:00.000Z');
const times = { requestTimeoutSeconds: 60, listDelaySeconds: 60 };
const inSeconds = (seconds: number) => new Date(now.getTime() + seconds * 1000);

/** What a job weighs beside its requests does not matter here. */
const small = { model: null, bytes: 1 };
const rules = { oneAtATime: times, limits: [] };

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
  ...small,
});
const turn = (inFlight: JobInFlight[], others: WaitingJob[] = [], requestCount = 7) =>
  turnOf({ requestCount, ...small }, { inFlight, there: [], waiting: others }, rules, now);

describe('The turn of a job', () => {
  it('is now where nobody else is in flight or waits', () => {
    expect(turn([])).toEqual({ turn: 'now' });
  });

  it('is later while another is being sent, whatever its size', () => {
    expect(turn([flying('PENDING', 7)])).toMatchObject({ turn: 'later', seconds: 5, before: [] });
    expect(turn([flying('PENDING', 8)])).toMatchObject({ turn: 'later', seconds: 5, before: [] });
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
    expect(turn([], [waiting('a', 3), waiting('b', 4)])).toMatchObject({ turn: 'later', before: ['a'] });
    const lost = flying('UNKNOWN', 3);
    expect(turn([lost], [waiting('a', 3), waiting('b', 4)])).toMatchObject({ turn: 'later', before: ['b'] });
    expect(turn([lost], [waiting('a', 3)])).toEqual({ turn: 'now' });
  });

  it('does not wait for one that does not ask again soon', () => {
    expect(turn([], [waiting('a', 3, inSeconds(301))])).toEqual({ turn: 'now' });
  });

  it('is asked about more slowly the more are before it, and at least each five minutes', () => {
    const others = Array.from({ length: 10 }, (_, index) => waiting(`w${index}`, 3));
    expect(turn([flying('PENDING', 1)], others)).toMatchObject({ seconds: 25, before: [] });
    expect(turn([flying('PENDING', 1)], Array.from({ length: 15 }, () => others).flat())).toMatchObject({
      seconds: 300,
    });
  });
});

describe('Who is next', () => {
  const next = (inFlight: JobInFlight[], others: WaitingJob[]) =>
    nextInTurn({ inFlight, there: [], waiting: others }, rules, now);

  it('is the oldest that can go', () => {
    expect(next([], [waiting('a', 3), waiting('b', 4)])).toEqual(['a']);
    expect(next([flying('UNKNOWN', 3)], [waiting('a', 3), waiting('b', 4)])).toEqual(['b']);
    expect(next([flying('PENDING', 9)], [waiting('a', 3)])).toEqual([]);
    expect(next([], [])).toEqual([]);
  });
});

describe('Room at the provider', () => {
  const limits = [{ unit: 'REQUESTS', per: 'CREDENTIAL', most: { '*': 10 } }] as const;
  const there = [{ ...small, jobs: 1, requestCount: 6 }];
  const anyTime = { oneAtATime: null, limits };

  it('lets everybody go that fits together, and keeps the rest for the first that does not', () => {
    const queue = {
      inFlight: [],
      there,
      waiting: [waiting('a', 3), waiting('b', 9), waiting('c', 1)],
    };
    expect(nextInTurn(queue, anyTime, now)).toEqual(['a']);
    expect(
      turnOf({ requestCount: 1, ...small }, { ...queue, waiting: [waiting('b', 9)] }, anyTime, now),
    ).toMatchObject({
      turn: 'later',
      wait: { kind: 'REQUESTS', limit: 10, current: 6, requested: 1, ahead: 1 },
    });
  });

  it('is asked for beside the turn: who has one waits for the other', () => {
    const both = { oneAtATime: times, limits };
    const queue = { inFlight: [], there, waiting: [] };
    expect(turnOf({ requestCount: 5, ...small }, queue, both, now)).toMatchObject({
      turn: 'later',
      wait: { kind: 'REQUESTS' },
    });
    const flight = { ...queue, inFlight: [flying('PENDING', 1)] };
    expect(turnOf({ requestCount: 5, ...small }, flight, both, now)).toMatchObject({
      wait: { kind: 'TURN' },
    });
    expect(turnOf({ requestCount: 4, ...small }, queue, both, now)).toEqual({ turn: 'now' });
  });
});

describe('The order of those that wait', () => {
  const placed = (id: string, organizationId: string, place: number, second: number) => ({
    ...waiting(id, 1),
    ...{ organizationId, place, createdAt: inSeconds(second) },
  });
  const queue = [
    placed('a0', 'a', 0, 0),
    placed('a1', 'a', 1, 1),
    placed('a2', 'a', 2, 2),
    placed('b0', 'b', 0, 3),
    placed('b1', 'b', 1, 4),
  ];
  const order = (
    ...served: Parameters<typeof byTurns>[1] extends ReadonlyMap<string, infer S> ? [string, S][] : never
  ) => byTurns(queue, new Map(served)).map(({ id }) => id);

  it('goes by turns over organizations, the older first', () => {
    expect(order()).toEqual(['a0', 'b0', 'a1', 'b1', 'a2']);
  });

  it('lets those come later who have jobs at the provider already, and who were served last', () => {
    expect(order(['a', { jobs: 2, sentAt: now }])).toEqual(['b0', 'b1', 'a0', 'a1', 'a2']);
    expect(order(['a', { jobs: 0, sentAt: now }])).toEqual(['b0', 'a0', 'b1', 'a1', 'a2']);
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
      dueAt: fc.integer({ min: -5, max: 400 }).map(inSeconds),
      model: fc.constant(null),
      bytes: fc.constant(1),
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
        const all = { inFlight, there: [], waiting: queue };
        const own = turnOf({ requestCount, ...small }, all, rules, late);
        expect(own.turn === 'now' || own.before.length > 0).toBe(true);
      }),
      { seed: 42 },
    );
  });
});
