/**
 * What tokens cost. Owns the rule: which tokens are paid at which rate, what a batch pays of it, and that what is not
 * known is null and never nothing. Left to others: what the rates are (`prices/`), what was used (`providers/`), and
 * that each result is counted once (`db/queries/results.ts`).
 */
import { type Counted, type Decimal, minus, plus, sumOfCounted, times, zero } from './decimal.ts';
import type { TokenEstimate } from './token-estimate.ts';
import { type Usage, unknownUsage } from './usage.ts';

/** The currency of every price and cost. */
export const currency = 'USD';

/** A price per million tokens, and what it becomes for a request with a longer input. */
export interface Rate {
  readonly base: Decimal;
  /** In ascending order: a request with more input tokens than `above` pays this for all of them. */
  readonly steps: ReadonlyArray<{ readonly above: number; readonly rate: Decimal }>;
}

/** What a model costs, called one by one. */
export interface TokenRates {
  readonly input: Rate;
  /** Null where input that a cache had costs what all other does. */
  readonly cachedInput: Rate | null;
  /** The same of input that is written to a cache. */
  readonly cacheWriteInput: Rate | null;
  /** Reasoning included. Null for models that write nothing, such as those for embeddings. */
  readonly output: Rate | null;
}

/** What a model costs in a batch. */
export interface ModelPrice {
  readonly rates: TokenRates;
  /** The share of the rates that a batch pays: `0.5` is half; null where nobody knows. */
  readonly batchShare: Decimal | null;
}

/** What a result cost; null where it is not known. */
export interface ResultCost {
  readonly cost: Decimal | null;
  /** How much less that is than the same tokens without a batch. */
  readonly saved: Decimal | null;
}

/** Nothing known. */
export const unknownCost: ResultCost = { cost: null, saved: null };

/**
 * What a result cost. `charged` is what the provider itself says that it took, which then is the cost whatever the price
 * book says.
 */
export function costOf(usage: Usage, price: ModelPrice | null, charged: Decimal | null = null): ResultCost {
  const realtime = price === null ? null : priceOf(usage, price.rates);
  const share = price?.batchShare ?? null;
  const cost = charged ?? (realtime === null || share === null ? null : times(realtime, share));
  return { cost, saved: cost === null || realtime === null ? null : minus(realtime, cost) };
}

/** From what to what something costs; `high` is null where it has no known bound. */
export interface CostRange {
  readonly low: Decimal;
  readonly high: Decimal | null;
}

/**
 * What a request will cost in a batch: from the fewest input tokens and no answer, to the most of both. Null where its
 * tokens cannot be estimated, or no price is known.
 */
export function estimatedCost(tokens: TokenEstimate | null, price: ModelPrice | null): CostRange | null {
  if (tokens === null || price === null || price.batchShare === null) return null;
  const writes = price.rates.output !== null;
  const costAt = (inputTokens: number, outputTokens: number | null) =>
    costOf({ ...unknownUsage, inputTokens, outputTokens: writes ? outputTokens : null }, price).cost;
  const low = costAt(tokens.inputLow, 0);
  return low === null ? null : { low, high: costAt(tokens.inputHigh, tokens.outputMax) };
}

/** Whether twice the tokens cost twice as much, however long an input is. */
export const isProportional = ({ rates }: ModelPrice): boolean =>
  Object.values(rates).every((rate: Rate | null) => rate === null || rate.steps.length === 0);

/** Both together; what is not known of one is not known of both. */
export const plusRange = (one: CostRange | null, other: CostRange | null): CostRange | null =>
  one === null || other === null
    ? null
    : {
        low: plus(one.low, other.low),
        high: one.high === null || other.high === null ? null : plus(one.high, other.high),
      };

/** What a batch's requests are thought to cost together: nothing while it has none. */
export function estimateOf(batch: {
  readonly total: number;
  readonly estimatedCostLow: Decimal | null;
  readonly estimatedCostHigh: Decimal | null;
}): CostRange | null {
  if (batch.total === 0) return { low: zero, high: zero };
  const { estimatedCostLow: low, estimatedCostHigh: high } = batch;
  return low === null ? null : { low, high };
}

/** Null where tokens or their rate are not known, or where more of the input went through the cache than there was. */
function priceOf(usage: Usage, { input, cachedInput, cacheWriteInput, output }: TokenRates): Decimal | null {
  const { inputTokens, outputTokens } = usage;
  const cached = usage.cachedInputTokens ?? 0;
  const cacheWritten = usage.cacheWriteInputTokens ?? 0;
  if (inputTokens === null || cached + cacheWritten > inputTokens) return null;
  if (output !== null && outputTokens === null) return null;
  const parts = [
    { count: inputTokens - cached - cacheWritten, rate: input },
    { count: cached, rate: cachedInput ?? input },
    { count: cacheWritten, rate: cacheWriteInput ?? input },
    { count: outputTokens ?? 0, rate: output },
  ];
  const terms: Counted[] = [];
  for (const { count, rate } of parts) {
    if (count === 0) continue;
    if (rate === null) return null;
    terms.push({ count, rate: rateFor(rate, inputTokens) });
  }
  return sumOfCounted(terms, millionDigits);
}

/** What a million tokens cost in a request with so long an input. */
const rateFor = ({ base, steps }: Rate, inputTokens: number): Decimal =>
  steps.findLast(({ above }) => inputTokens > above)?.rate ?? base;

const millionDigits = 6;
