/** What requests are thought to use and cost that are read one after the other, however many they are. */
import { type CostRange, estimatedCost, isProportional, type ModelPrice, plusRange } from '../domain/cost.ts';
import { zero } from '../domain/decimal.ts';
import { noTokens, plusTokens, type TokenEstimate } from '../domain/token-estimate.ts';
import type { Services } from '../services.ts';
import type { PlacedItem } from './accept.ts';

/** What requests come to that are read one after the other. */
export interface RunningEstimate {
  add(request: Pick<PlacedItem, 'item' | 'tokens'>): void;
  /** The tokens of all so far; null where they cannot be told of each. */
  tokens(): TokenEstimate | null;
  /** From what to what all so far cost; null where it cannot be told of each. */
  cost(): CostRange | null;
}

/** An estimate of no requests yet. Holds a sum for each model, whatever the number of requests. */
export function openEstimate(
  { prices, providers }: Pick<Services, 'prices' | 'providers'>,
  providerName: string,
  at: Date,
): RunningEstimate {
  const provider = providers.find(providerName)?.provider;
  let tokens: TokenEstimate | null = noTokens;
  // What costs twice as much for twice the tokens is summed as tokens: money is exact, and takes longer to add.
  const byModel = new Map<string | null, { price: ModelPrice | null; tokens: TokenEstimate | null }>();
  let others: CostRange | null = provider === undefined ? null : { low: zero, high: zero };
  return {
    add({ item: { model }, tokens: more }) {
      tokens = plusTokens(tokens, more);
      if (others === null || provider === undefined) return;
      let sum = byModel.get(model);
      if (sum === undefined) {
        sum = { price: prices.find(provider, model, at), tokens: noTokens };
        byModel.set(model, sum);
      }
      if (sum.price === null || isProportional(sum.price)) sum.tokens = plusTokens(sum.tokens, more);
      else others = plusRange(others, estimatedCost(more, sum.price));
    },
    tokens: () => tokens,
    cost() {
      const sums = [...byModel.values()].filter(({ price }) => price === null || isProportional(price));
      return sums.reduce<CostRange | null>(
        (sum, { price, tokens: all }) => plusRange(sum, estimatedCost(all, price)),
        others,
      );
    },
  };
}
