/**
 * Counts what keys and organizations ask for, and refuses what goes beyond. Counted in memory, so that nobody pays a
 * write, and settled through Postgres from time to time, so that all processes share one limit; before this process is
 * ahead of the others by more than `unsettledMax`, whoever asks waits until it is settled. Time is the clock's: each
 * window has counters of its own, which never end by themselves. What an operation costs is decided outside.
 */
import type { Logger } from 'pino';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Clock } from '../clock.ts';
import type { Database } from '../db/client.ts';
import { addRateCounts, forgetRateCounts } from '../db/queries/rate-counts.ts';
import {
  type RateLimits,
  type RateScope,
  type RateWindow,
  type Standing,
  secondsLeft,
  tighterOf,
  unsettledMax,
  windowAt,
} from '../domain/rate-limit.ts';
import { workerScope } from '../domain/scope.ts';
import { RateLimitedError } from '../errors.ts';

/** Whose points are taken. */
export interface RateCaller {
  readonly apiKeyId: string;
  readonly organizationId: string;
}

/** What is left to a caller, and when all of it is back. */
export interface RateStanding extends Standing {
  readonly resetAt: Date;
  /** The same in whole seconds from now. */
  readonly resetSeconds: number;
}

/** The points of everybody who asks this process. */
export interface RateCounter {
  /**
   * Takes so many points beyond those of them that were `paid` before; what costs more than the whole limit costs the
   * limit. Throws `RateLimitedError`, and then takes none.
   */
  take(caller: RateCaller, points: number, paid?: number): Promise<void>;
  /** Takes points for what is under way and can no longer be refused. */
  spend(caller: RateCaller, points: number): void;
  /** What is left to the caller, as far as this process knows. */
  standing(caller: RateCaller): Promise<RateStanding>;
  /** Tells the other processes what this one has counted, and learns what they have; false where it cannot. */
  settle(): Promise<boolean>;
  /** Waits for what is under way. */
  close(): Promise<void>;
}

/** How long others need not know, by the clock, of what is counted here. */
const settleMilliseconds = 1000;
/** How long settled counts are kept: a process whose clock is a little behind may still want them. */
const keptMilliseconds = 5 * 60_000;

/** Who points are counted for, with its limit. */
interface Subject {
  readonly scope: RateScope;
  readonly id: string;
  readonly limit: number;
}

/** The points of one subject in one window. */
interface Count {
  readonly limiter: RateLimiterMemory;
  /** Those of them of which it is not known yet whether they are refused. */
  undecided: number;
  /** Those that no other process was told of. */
  unsettled: number;
  /** Those that they are being told of. */
  sent: number;
}

/** What somebody asks of a subject. */
interface Wanted {
  readonly subject: Subject;
  readonly own: number;
}

/** A counter in which nothing is counted yet. */
export function openRateCounter(
  { db, clock, log }: { readonly db: Database; readonly clock: Clock; readonly log: Logger },
  limits: RateLimits,
): RateCounter {
  let counts = new Map<string, Count>();
  let window = windowAt(clock.now());
  let settledAt = clock.now();
  let forgotten = false;
  let settling: Promise<boolean> | null = null;

  function windowNow(): RateWindow {
    const now = windowAt(clock.now());
    if (now.startsAt.getTime() !== window.startsAt.getTime()) {
      window = now;
      // What was not settled is of no use to anybody any more.
      counts = new Map();
      forgotten = false;
    }
    return window;
  }

  function countOf({ id, limit }: Subject): Count {
    windowNow();
    // Without a duration it reads no clock, and keeps what it counted until it is thrown away with its window.
    const count = counts.get(id) ?? {
      limiter: new RateLimiterMemory({ points: limit, duration: 0 }),
      undecided: 0,
      unsettled: 0,
      sent: 0,
    };
    counts.set(id, count);
    count.limiter.points = limit;
    return count;
  }

  async function settleNow(): Promise<boolean> {
    settledAt = clock.now();
    const { startsAt } = windowNow();
    const ofWindow = counts;
    const sent = [...ofWindow].flatMap(([id, count]) => {
      const points = count.unsettled;
      count.unsettled = 0;
      count.sent = points;
      return points === 0 ? [] : [{ id, points }];
    });
    if (sent.length === 0) return true;
    try {
      const before = new Date(startsAt.getTime() - keptMilliseconds);
      if (!forgotten) await db.read((q) => forgetRateCounts(workerScope, q, before));
      forgotten = true;
      const totals = await db.read((q) => addRateCounts(workerScope, q, startsAt, sent));
      for (const { id, points } of totals) {
        const count = ofWindow.get(id);
        if (count === undefined) continue;
        void count.limiter.set(id, points + count.unsettled + count.undecided, 0);
        count.sent = 0;
      }
      return true;
    } catch (error) {
      for (const count of ofWindow.values()) {
        count.unsettled += count.sent;
        count.sent = 0;
      }
      log.warn({ err: error }, 'what is counted for limits could not be settled with other processes');
      return false;
    }
  }

  function settle(): Promise<boolean> {
    settling ??= settleNow().finally(() => {
      settling = null;
    });
    return settling;
  }

  function settleWhenDue(): void {
    if (clock.now().getTime() - settledAt.getTime() >= settleMilliseconds) void settle();
  }

  const subjectsOf = ({ apiKeyId, organizationId }: RateCaller): readonly [Subject, Subject] => [
    { scope: 'key', id: apiKeyId, limit: limits.key },
    { scope: 'organization', id: organizationId, limit: limits.organization },
  ];

  /** Whether others would have to know of what is counted here before this is, too. */
  function isTooFarAhead({ subject, own }: Wanted): boolean {
    const { undecided, unsettled, sent } = countOf(subject);
    const ahead = undecided + unsettled + sent;
    return ahead > 0 && ahead + own > unsettledMax(subject.limit);
  }

  return {
    async take(caller, points, paid = 0) {
      const wanted: Wanted[] = subjectsOf(caller).map((subject) => ({
        subject,
        own: Math.min(points, subject.limit) - Math.min(paid, subject.limit),
      }));
      // Where the database is away, the limits of this process alone hold.
      while (wanted.some(isTooFarAhead)) if (!(await settle())) break;
      const ofNow = windowNow();
      // All at once, and without a pause since it was looked, so that nobody else is counted in between.
      const taken = wanted.map(({ subject, own }) => {
        const count = countOf(subject);
        count.undecided += own;
        return { subject, count, own, done: count.limiter.consume(subject.id, own) };
      });
      const results = await Promise.allSettled(taken.map(({ done }) => done));
      for (const { count, own } of taken) count.undecided -= own;
      const refused = taken[results.findIndex(({ status }) => status === 'rejected')];
      if (refused !== undefined) {
        for (const { subject, count, own } of taken) void count.limiter.reward(subject.id, own);
        const { scope, limit } = refused.subject;
        throw new RateLimitedError(scope, limit, secondsLeft(ofNow, clock.now()));
      }
      for (const { count, own } of taken) count.unsettled += own;
      settleWhenDue();
    },
    spend(caller, points) {
      for (const subject of subjectsOf(caller)) {
        const count = countOf(subject);
        count.unsettled += points;
        void count.limiter.penalty(subject.id, points);
      }
      settleWhenDue();
    },
    async standing(caller) {
      const [key, organization] = subjectsOf(caller);
      const standingOf = async (subject: Subject): Promise<Standing> => {
        const { scope, id, limit } = subject;
        const consumed = (await countOf(subject).limiter.get(id))?.consumedPoints ?? 0;
        return { scope, limit, remaining: Math.max(0, limit - consumed) };
      };
      const tighter = tighterOf([await standingOf(key), await standingOf(organization)]);
      const ofNow = windowNow();
      return { ...tighter, resetAt: ofNow.endsAt, resetSeconds: secondsLeft(ofNow, clock.now()) };
    },
    settle,
    async close() {
      await settling;
    },
  };
}
