/** What batches, items and attempts answer when they are asked for their cost. */
import type { Context } from '../context.ts';
import type { AttemptView } from '../db/queries/item-attempts.ts';
import type { ItemView } from '../db/queries/item-pages.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { type CostRange, estimatedCost, estimateOf, type ResultCost } from '../domain/cost.ts';
import type { JsonObject } from '../domain/json-line.ts';
import { estimateTokens } from '../domain/token-estimate.ts';

/** A cost, as the schema's type is backed. */
export interface CostModel extends ResultCost {
  /** How many answers have no known cost. */
  readonly unpriced: number;
  readonly estimate: () => Promise<CostRange | null>;
}

/** What the batch costs: its results, those of earlier attempts included, and what its requests were thought to. */
export const batchCost = (batch: BatchRow): CostModel => ({
  cost: batch.cost,
  saved: batch.saved,
  unpriced: batch.unpriced,
  estimate: async () => estimateOf(batch),
});

/** What an item costs: its newest result, and its request. */
export const itemCost = (item: ItemView, context: Context): CostModel => ({
  ...resultCost(item),
  estimate: () => itemEstimate(item, context),
});

/** What one attempt of an item costs. */
export const attemptCost = (attempt: AttemptView, context: Context): CostModel => ({
  ...resultCost(attempt),
  estimate: async () => {
    const item = await context.loaders.item.load(attempt);
    return item === null ? null : itemEstimate(item, context);
  },
});

const resultCost = ({ cost, saved, status }: ResultCost & Pick<ItemView, 'status'>) => ({
  cost,
  saved,
  unpriced: status === 'SUCCEEDED' && cost === null ? 1 : 0,
});

/** As it was estimated when the request came. */
async function itemEstimate(item: ItemView, { loaders, services }: Context): Promise<CostRange | null> {
  const [row, batch] = await Promise.all([loaders.request.load(item), loaders.batch.load(item.batchId)]);
  const provider = batch === null ? undefined : services.providers.find(batch.provider)?.provider;
  if (row === null || provider === undefined) return null;
  const price = services.prices.find(provider, item.model, item.createdAt);
  return estimatedCost(estimateTokens(JSON.parse(row.request) as JsonObject), price);
}
