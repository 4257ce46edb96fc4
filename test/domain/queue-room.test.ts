import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitsIntoRoom, Room, type RoomLimit, type RoomTaken, tokensIn } from '../../src/domain/queue-room.ts';

const requests: RoomLimit = { unit: 'REQUESTS', per: 'CREDENTIAL', most: { '*': 100 } };
const tokens: RoomLimit = { unit: 'TOKENS', per: 'MODEL', most: { large: 50, '*': 200 } };
const jobs: RoomLimit = { unit: 'JOBS', per: 'CREDENTIAL', most: { '*': 2 } };
const job = (requestCount: number, more: Partial<RoomTaken> = {}): RoomTaken => ({
  model: 'small',
  bytes: 4,
  requestCount,
  ...more,
});

describe('The room at a provider', () => {
  it('is full when a job would go beyond the limit, and not when it reaches it', () => {
    const room = new Room([requests], [{ ...job(60), jobs: 3 }]);
    expect(room.lackFor(job(40))).toBeNull();
    expect(room.lackFor(job(41))).toEqual({
      unit: 'REQUESTS',
      model: null,
      limit: 100,
      current: 60,
      requested: 41,
    });
  });

  it('is each model’s own where the provider counts by model', () => {
    const room = new Room([tokens], [{ ...job(1, { model: 'large', bytes: 160 }), jobs: 1 }]);
    const more = { bytes: 44 };
    expect(room.lackFor(job(1, { ...more, model: 'large' }))).toMatchObject({ model: 'large', limit: 50 });
    expect(room.lackFor(job(1, { ...more, model: 'small' }))).toBeNull();
    expect(room.lackFor(job(1, { ...more, model: null }))).toBeNull();
  });

  it('lets a job in that is larger than all of it, once there is nothing else', () => {
    expect(new Room([requests], []).lackFor(job(1000))).toBeNull();
    expect(new Room([requests], [{ ...job(1), jobs: 1 }]).lackFor(job(1000))).not.toBeNull();
  });

  it('is kept for whoever waits for it, against those that are smaller', () => {
    const room = new Room([requests, jobs], [{ ...job(60), jobs: 1 }]);
    const lack = room.lackFor(job(80));
    if (lack !== null) room.keepFor(lack);
    expect(room.lackFor(job(1))).toMatchObject({ unit: 'REQUESTS', current: 60, requested: 1 });
  });

  it('has no limit that nobody knows', () => {
    const unknown: RoomLimit = { unit: 'TOKENS', per: 'MODEL', most: { large: 1 } };
    expect(new Room([unknown], [{ ...job(1, { bytes: 1e9 }), jobs: 1 }]).lackFor(job(1))).toBeNull();
  });

  it('is never passed, in whatever order jobs come, but by one alone', () => {
    const anyJob = fc.record({
      model: fc.constantFrom('large', 'small', null),
      requestCount: fc.integer({ min: 1, max: 150 }),
      bytes: fc.integer({ min: 1, max: 1000 }),
    });
    fc.assert(
      fc.property(fc.array(anyJob, { maxLength: 12 }), (coming) => {
        const room = new Room([requests, tokens, jobs], []);
        const inside: RoomTaken[] = [];
        for (const one of coming) {
          if (room.lackFor(one) !== null) continue;
          room.take(one);
          inside.push(one);
        }
        const sum = (of: (one: RoomTaken) => number, among = inside) =>
          among.length <= 1 ? 0 : among.reduce((total, one) => total + of(one), 0);
        expect(sum(({ requestCount }) => requestCount)).toBeLessThanOrEqual(100);
        expect(inside.length).toBeLessThanOrEqual(2);
        const large = inside.filter(({ model }) => model === 'large');
        expect(sum(({ bytes }) => tokensIn(bytes), large)).toBeLessThanOrEqual(50);
      }),
    );
  });

  it('tells which jobs would never find any', () => {
    expect(fitsIntoRoom([requests, jobs], job(100))).toBe(true);
    expect(fitsIntoRoom([requests, jobs], job(101))).toBe(false);
    expect(fitsIntoRoom([tokens], job(1, { model: 'large', bytes: 204 }))).toBe(false);
  });
});
