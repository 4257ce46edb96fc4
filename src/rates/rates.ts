/** Everything that is limited by how often or how much at once: the parts, made from the settings. */
import type { RateLimits } from '../domain/rate-limit.ts';
import { createOpenLimit, type OpenLimit } from './open-limit.ts';
import { openRateCounter, type RateCounter } from './rate-counter.ts';
import { createSignInGuard, type SignInGuard } from './sign-in-guard.ts';

/** The limits of a process, and what is counted against them. */
export interface Rates {
  readonly counter: RateCounter;
  readonly signIns: SignInGuard;
  /** WebSocket connections by key. */
  readonly connections: OpenLimit;
  /** Subscriptions by key, over whatever they come. */
  readonly subscriptions: OpenLimit;
}

/** The limits as settings say them. */
export interface RateSettings {
  readonly limits: RateLimits;
  readonly connectionsPerKey: number;
  readonly subscriptionsPerKey: number;
  readonly signInFailures: number;
}

/** The parts, with nothing counted. */
export const openRates = (
  parts: Parameters<typeof openRateCounter>[0],
  { limits, connectionsPerKey, subscriptionsPerKey, signInFailures }: RateSettings,
): Rates => ({
  counter: openRateCounter(parts, limits),
  signIns: createSignInGuard(parts.clock, signInFailures),
  connections: createOpenLimit(connectionsPerKey),
  subscriptions: createOpenLimit(subscriptionsPerKey),
});
