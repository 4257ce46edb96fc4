/**
 * Limits on the way of a GraphQL operation, whichever transport it comes by: its points before it is executed, the
 * subscriptions that its key has open, and the headers that tell callers over HTTP what is left. Counting is `rates/`.
 */
import type { GraphQLError } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { Context } from '../context.ts';
import { pointsOf } from '../domain/rate-limit.ts';
import { TooManySubscriptionsError } from '../errors.ts';
import type { RateCaller, RateStanding } from '../rates/rate-counter.ts';
import type { Services } from '../services.ts';
import { publicError } from './public-error.ts';

/** What is taken before any of a request is read, so that one that cannot be executed counts, too. */
const pointsAtTheDoor = 1;

/** Takes what every request costs. Throws `RateLimitedError`. */
export const chargeRequest = ({ rates }: Pick<Services, 'rates'>, caller: RateCaller): Promise<void> =>
  rates.counter.take(caller, pointsAtTheDoor);

/** Takes the rest of what an operation of this complexity costs; why it is refused, where it is. */
export async function chargeOperation(
  { services: { rates, log }, viewer }: Pick<Context, 'services' | 'viewer'>,
  complexity: number,
): Promise<GraphQLError | null> {
  const points = pointsOf(complexity);
  if (points === pointsAtTheDoor) return null;
  return rates.counter.take(viewer, points, pointsAtTheDoor).then(
    () => null,
    (error: unknown) => publicError(log, error),
  );
}

/** Takes what lines of a download cost, as many fields would. What has begun is not refused for it. */
export const spendOnLines = ({ rates }: Pick<Services, 'rates'>, caller: RateCaller, lines: number): void =>
  rates.counter.spend(caller, pointsOf(lines));

/** What is left to a caller, in the headers that clients know. */
export const rateLimitHeaders = ({ limit, remaining, resetSeconds }: RateStanding) => ({
  'ratelimit-limit': String(limit),
  'ratelimit-remaining': String(remaining),
  'ratelimit-reset': String(resetSeconds),
});

/** The plugin that counts open subscriptions, and puts the headers on answers over HTTP. */
export function rateLimitPlugin({
  rates,
  log,
}: Pick<Services, 'rates' | 'log'>): Plugin<Context, { viewer?: RateCaller }> {
  return {
    onSubscribe({ args, subscribeFn, setSubscribeFn, setResultAndStopExecution }) {
      const { subscriptions } = rates;
      const close = subscriptions.open(args.contextValue.viewer.apiKeyId);
      if (close === null) {
        const error = new TooManySubscriptionsError(subscriptions.limit);
        return setResultAndStopExecution({ errors: [publicError(log, error)] });
      }
      setSubscribeFn(async (all) => {
        try {
          return await subscribeFn(all);
        } catch (error) {
          close();
          throw error;
        }
      });
      return {
        onSubscribeResult({ result }) {
          if (isAsyncIterable(result)) return { onEnd: close };
          return close();
        },
        onSubscribeError: close,
      };
    },
    async onResponse({ response, serverContext: { viewer } }) {
      if (viewer === undefined) return;
      const headers = rateLimitHeaders(await rates.counter.standing(viewer));
      for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
    },
  };
}
