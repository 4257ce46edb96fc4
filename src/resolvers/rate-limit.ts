/** What is left to the caller of its limits. */
import type { Context } from '../context.ts';
import type { RateStanding } from '../rates/rate-counter.ts';

/** How much of something is open, and may be. */
export interface OpenModel {
  readonly open: number;
  readonly limit: number;
}

/** The limits of a caller, as the schema's type is backed. */
export interface RateLimitModel extends RateStanding {
  readonly subscriptions: OpenModel;
  readonly connections: OpenModel;
}

/** How much the caller may still ask for, and has open. */
export async function rateLimitOf(
  viewer: Context['viewer'],
  { services: { rates } }: Context,
): Promise<RateLimitModel> {
  const opened = (of: 'subscriptions' | 'connections'): OpenModel => ({
    open: rates[of].openOf(viewer.apiKeyId),
    limit: rates[of].limit,
  });
  return {
    ...(await rates.counter.standing(viewer)),
    subscriptions: opened('subscriptions'),
    connections: opened('connections'),
  };
}
