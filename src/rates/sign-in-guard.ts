/**
 * Slows down whoever guesses keys: of an address that came with too many wrong ones in a minute, none is looked up until
 * the next. Keys that this process has let in go on working from there, so that one who guesses from behind the same
 * proxy keeps nobody out. Bounded in memory, whoever calls; each process counts for itself.
 */
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Clock } from '../clock.ts';
import { secondsLeft, windowAt } from '../domain/rate-limit.ts';
import { RateLimitedError } from '../errors.ts';

/** Who may still try. */
export interface SignInGuard {
  /**
   * What looking up this key gives, null for a wrong one. Throws `RateLimitedError`, and looks nothing up, where the
   * address has had its tries.
   */
  trying<Owner>(address: string, hash: Buffer, lookUp: () => Promise<Owner | null>): Promise<Owner | null>;
}

/** How many addresses are told apart in a minute; those that come later count as one. */
const addressesMax = 10_000;
/** How many good keys are remembered; the one that was not used the longest is forgotten first. */
const keysMax = 10_000;
const otherAddresses = 'others';

/** A guard that nobody has tried yet. */
export function createSignInGuard(clock: Clock, failuresMax: number): SignInGuard {
  const goodKeys = new Set<string>();
  let window = windowAt(clock.now());
  let limiter = new RateLimiterMemory({ points: failuresMax, duration: 0 });
  let addresses = new Set<string>();

  function placeOf(address: string): string {
    const now = windowAt(clock.now());
    if (now.startsAt.getTime() !== window.startsAt.getTime()) {
      window = now;
      limiter = new RateLimiterMemory({ points: failuresMax, duration: 0 });
      addresses = new Set();
    }
    if (addresses.size < addressesMax) addresses.add(address);
    return addresses.has(address) ? address : otherAddresses;
  }

  function remember(key: string): void {
    goodKeys.delete(key);
    goodKeys.add(key);
    const [oldest] = goodKeys;
    if (goodKeys.size > keysMax && oldest !== undefined) goodKeys.delete(oldest);
  }

  return {
    async trying(address, hash, lookUp) {
      const key = hash.toString('base64');
      const place = placeOf(address);
      const ofNow = limiter;
      // Counted before it is known to be wrong: many tries at once would all be let through else.
      const isCounted = !goodKeys.has(key);
      if (isCounted) {
        const { consumedPoints } = await ofNow.penalty(place);
        if (consumedPoints > failuresMax)
          throw new RateLimitedError('address', failuresMax, secondsLeft(window, clock.now()));
      }
      const uncount = () => (isCounted ? ofNow.reward(place) : null);
      const owner = await lookUp().catch(async (error: unknown) => {
        await uncount();
        throw error;
      });
      if (owner === null) {
        goodKeys.delete(key);
        return null;
      }
      await uncount();
      remember(key);
      return owner;
    },
  };
}
