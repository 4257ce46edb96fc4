import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHandClock } from '../../src/clock.ts';
import { mayMove } from '../../src/domain/job.ts';
import { afterSearch, afterSubmitFailure, type FinishedSearch } from '../../src/domain/recovery.ts';
import type { ProviderFailureKind } from '../../src/providers/failure.ts';

const exact = { proof: 'EXACT' } as const;
const provisional = { proof: 'PROVISIONAL' } as const;
const sendBefore = new Date('2026-01-01T00:10:00Z');
/** Absence counts from 00:13:00 on. */
const search = {
  sightings: [],
  now: sendBefore,
  sendBefore,
  requestTimeoutSeconds: 120,
  listDelaySeconds: 60,
  recovery: 'EXACT',
  absenceProves: true,
} satisfies FinishedSearch;
const absenceCountsAt = new Date('2026-01-01T00:13:00Z');

const searches: fc.Arbitrary<FinishedSearch> = fc.record({
  sightings: fc.array(fc.constantFrom(exact, provisional), { maxLength: 4 }),
  now: fc.integer({ min: -600, max: 1200 }).map((seconds) => new Date(sendBefore.getTime() + seconds * 1000)),
  sendBefore: fc.constant(sendBefore),
  requestTimeoutSeconds: fc.nat(600),
  listDelaySeconds: fc.nat(600),
  recovery: fc.constantFrom('EXACT', 'PROVISIONAL', 'NONE'),
  absenceProves: fc.boolean(),
});

describe('afterSubmitFailure', () => {
  const moves = {
    rejected: 'FAILED',
    throttled: 'CREATED',
    unavailable: 'CREATED',
    uncertain: 'UNKNOWN',
    malformed: 'UNKNOWN',
    expired: 'UNKNOWN',
  } as const satisfies Record<ProviderFailureKind, string>;

  test.each(Object.entries(moves))('moves a job whose submission failed as "%s" to %s', (kind, to) => {
    expect(afterSubmitFailure(kind as ProviderFailureKind)).toBe(to);
    expect(mayMove('PENDING', to)).toBe(true);
  });
});

describe('afterSearch', () => {
  test('calls a job absent only when nothing was seen, it could have been seen, and it would show by now', () => {
    fc.assert(
      fc.property(searches, (any) => {
        const graceSeconds = any.requestTimeoutSeconds + any.listDelaySeconds;
        const lateEnough = any.now.getTime() - any.sendBefore.getTime() >= graceSeconds * 1000;
        const searchable = any.recovery !== 'NONE' && any.absenceProves;
        const absent = any.sightings.length === 0 && searchable && lateEnough;
        expect(afterSearch(any).verdict === 'absent').toBe(absent);
      }),
    );
  });

  test('adopts only a sighting that is alone of the best proof seen', () => {
    fc.assert(
      fc.property(searches, (any) => {
        const verdict = afterSearch(any);
        const proofs = any.sightings.map(({ proof }) => proof);
        const best = proofs.includes('EXACT') ? 'EXACT' : 'PROVISIONAL';
        const alone = proofs.filter((proof) => proof === best).length === 1;
        expect(verdict).toEqual(
          alone ? { verdict: 'adopt', index: proofs.indexOf(best) } : expect.anything(),
        );
        expect(verdict.verdict === 'adopt').toBe(alone);
      }),
    );
  });

  test('looks again within half a minute, and at the latest when absence counts', () => {
    fc.assert(
      fc.property(searches, (any) => {
        const verdict = afterSearch(any);
        if (verdict.verdict !== 'look-again') return;
        const wait = verdict.at.getTime() - any.now.getTime();
        expect(wait).toBeGreaterThan(0);
        expect(wait).toBeLessThanOrEqual(30_000);
      }),
    );
    const justBefore = new Date('2026-01-01T00:12:50Z');
    expect(afterSearch({ ...search, now: justBefore })).toEqual({
      verdict: 'look-again',
      at: absenceCountsAt,
    });
  });

  test('comes to an end: a search that is repeated as told is settled', () => {
    fc.assert(
      fc.property(searches, (any) => {
        const clock = createHandClock(any.now);
        for (let looks = 0; looks < 100; looks += 1) {
          const verdict = afterSearch({ ...any, now: clock.now() });
          if (verdict.verdict !== 'look-again') return;
          clock.advance({ seconds: (verdict.at.getTime() - clock.now().getTime()) / 1000 });
        }
        throw new Error('still looking after a hundred searches');
      }),
    );
  });

  test('counts absence from the very instant on, and not a millisecond earlier', () => {
    expect(afterSearch({ ...search, now: absenceCountsAt })).toEqual({ verdict: 'absent' });
    const earlier = new Date(absenceCountsAt.getTime() - 1);
    expect(afterSearch({ ...search, now: earlier }).verdict).toBe('look-again');
  });

  test('asks a person at once when two batches carry our key', () => {
    expect(afterSearch({ ...search, sightings: [exact, provisional, exact] })).toEqual({
      verdict: 'ask-a-person',
      reason: 'duplicates',
    });
  });

  test('waits for time to narrow several batches that merely fit, then asks a person', () => {
    const several = { ...search, sightings: [provisional, provisional], recovery: 'PROVISIONAL' } as const;
    expect(afterSearch(several).verdict).toBe('look-again');
    expect(afterSearch({ ...several, now: absenceCountsAt })).toEqual({
      verdict: 'ask-a-person',
      reason: 'ambiguous',
    });
  });

  test('looks on for what a list leaves out once it is over, then asks a person and never sends it again', () => {
    const forgetful = { ...search, absenceProves: false };
    const earlier = new Date(absenceCountsAt.getTime() - 1);
    expect(afterSearch({ ...forgetful, now: earlier }).verdict).toBe('look-again');
    expect(afterSearch({ ...forgetful, now: absenceCountsAt })).toEqual({
      verdict: 'ask-a-person',
      reason: 'unsearchable',
    });
    expect(afterSearch({ ...forgetful, sightings: [exact] })).toEqual({ verdict: 'adopt', index: 0 });
  });

  test('completes a batch that lacks items only once nobody else can be adding to it', () => {
    const begun = { ...search, sightings: [provisional, { ...exact, unfinished: { batch_id: 'b' } }] };
    const earlier = new Date(absenceCountsAt.getTime() - 1);
    expect(afterSearch({ ...begun, now: earlier }).verdict).toBe('look-again');
    expect(afterSearch({ ...begun, now: absenceCountsAt })).toEqual({ verdict: 'resume', index: 1 });
  });

  test('asks a person where the provider cannot be searched, however late it is', () => {
    const blind = { ...search, recovery: 'NONE' } as const;
    const expected = { verdict: 'ask-a-person', reason: 'unsearchable' };
    expect(afterSearch(blind)).toEqual(expected);
    expect(afterSearch({ ...blind, now: new Date('2036-01-01T00:00:00Z') })).toEqual(expected);
  });
});
