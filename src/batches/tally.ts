/** Sums of what several inserts of results added. */
import type { Tally } from '../db/queries/results.ts';
import type { ResultCost } from '../domain/cost.ts';
import { type Decimal, plusKnown } from '../domain/decimal.ts';
import type { Usage } from '../domain/usage.ts';

/** How many results were added. */
export const totalOf = ({ succeeded, errored, expired, cancelled }: Tally): number =>
  succeeded + errored + expired + cancelled;

/** All of them together; tokens and costs stay null where none of them knows any. */
export function addTallies(tallies: readonly Tally[]): Tally {
  const outcome = (name: 'succeeded' | 'errored' | 'expired' | 'cancelled') =>
    tallies.reduce((sum, tally) => sum + tally[name], 0);
  const tokens = (name: keyof Usage) =>
    tallies.reduce<number | null>((sum, tally) => {
      const more = tally[name];
      return more === null ? sum : (sum ?? 0) + more;
    }, null);
  const money = (name: keyof ResultCost) =>
    tallies.reduce<Decimal | null>((sum, tally) => plusKnown(sum, tally[name]), null);
  return {
    succeeded: outcome('succeeded'),
    errored: outcome('errored'),
    expired: outcome('expired'),
    cancelled: outcome('cancelled'),
    inputTokens: tokens('inputTokens'),
    outputTokens: tokens('outputTokens'),
    cachedInputTokens: tokens('cachedInputTokens'),
    cacheWriteInputTokens: tokens('cacheWriteInputTokens'),
    reasoningTokens: tokens('reasoningTokens'),
    cost: money('cost'),
    saved: money('saved'),
    unpriced: tallies.reduce((sum, { unpriced }) => sum + unpriced, 0),
  };
}
