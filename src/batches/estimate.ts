/**
 * What requests are thought to cost, before anything is sent. The rules are `domain/token-estimate.ts` and
 * `domain/cost.ts`.
 */
import type { Queryable } from '../db/client.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { type CostRange, estimatedCost } from '../domain/cost.ts';
import { type Decimal, plus, zero } from '../domain/decimal.ts';
import type { JsonObject } from '../domain/json-line.ts';
import type { Scope } from '../domain/scope.ts';
import type { PlannedJob } from '../domain/splitting.ts';
import { estimateTokens } from '../domain/token-estimate.ts';
import type { Services } from '../services.ts';
import type { PlacedItem } from './accept.ts';
import { storedItems } from './job-items.ts';
import { openEstimate } from './running-estimate.ts';

/** From what to what the requests cost together; null where that cannot be told of all of them. */
export function estimateRequests(
  services: Pick<Services, 'prices' | 'providers'>,
  providerName: string,
  accepted: readonly PlacedItem[],
  at: Date,
): CostRange | null {
  const estimate = openEstimate(services, providerName, at);
  for (const request of accepted) estimate.add(request);
  return estimate.cost();
}

/**
 * The most that stored requests cost which are sent again; null where that cannot be told of all of them. Their bodies
 * are read once more, as they are when they are sent: an estimate of each would be kept for millions that are never
 * tried again.
 */
export async function estimateAgain(
  { prices, providers }: Pick<Services, 'prices' | 'providers'>,
  scope: Scope,
  tx: Queryable,
  { batch, planned, at }: { batch: BatchRow; planned: readonly PlannedJob[]; at: Date },
): Promise<Decimal | null> {
  const provider = providers.find(batch.provider)?.provider;
  if (provider === undefined) return null;
  let sum = zero;
  for (const { positions, bytes, requestCount } of planned) {
    const set = { batchId: batch.id, positions: positions.toMultirange(), bytes, requestCount };
    for await (const { model, request } of storedItems(scope, (work) => work(tx), set)) {
      const tokens = estimateTokens(JSON.parse(request) as JsonObject);
      const high = estimatedCost(tokens, prices.find(provider, model, at))?.high ?? null;
      if (high === null) return null;
      sum = plus(sum, high);
    }
  }
  return sum;
}
