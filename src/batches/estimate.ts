/**
 * What accepted requests are thought to cost, before anything is sent. The rules are `domain/token-estimate.ts` and
 * `domain/cost.ts`.
 */
import { type CostRange, estimatedCost, plusRange } from '../domain/cost.ts';
import { zero } from '../domain/decimal.ts';
import type { Services } from '../services.ts';
import type { PlacedItem } from './accept.ts';

/** From what to what the requests cost together; null where that cannot be told of all of them. */
export function estimateRequests(
  { prices, providers }: Pick<Services, 'prices' | 'providers'>,
  providerName: string,
  accepted: readonly PlacedItem[],
  at: Date,
): CostRange | null {
  const provider = providers.find(providerName)?.provider;
  if (provider === undefined) return null;
  let sum: CostRange | null = { low: zero, high: zero };
  for (const { item, tokens } of accepted) {
    sum = plusRange(sum, estimatedCost(tokens, prices.find(provider, item.model, at)));
    if (sum === null) return null;
  }
  return sum;
}
