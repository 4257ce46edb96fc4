/**
 * The catalogue of models' prices: the data of a library that others keep up to date, and of it only the data, because
 * it reckons in floating point. What tokens cost is our own rule (`domain/cost.ts`). Nothing is fetched: prices change
 * with the version of the package, or by the operator's own file (`own-prices.ts`).
 */
import { type ModelPrice as CataloguePrice, calcPrice } from '@pydantic/genai-prices';
import type { Rate, TokenRates } from '../domain/cost.ts';
import type { Decimal } from '../domain/decimal.ts';

/** Which prices these are: the package and its version, which is exact. */
export const catalogueVersion = 'genai-prices 0.1.8';

/** The rates of a vendor's model at a moment; null where the catalogue has none, or none by tokens. */
export function catalogueRates(vendor: string, model: string, at: Date): TokenRates | null {
  const found = calcPrice({}, model, { providerId: vendor, timestamp: at });
  if (found === null) return null;
  const { model_price: price } = found;
  const input = rateIn(price, 'input_mtok');
  if (input === null) return null;
  return {
    input,
    cachedInput: rateIn(price, 'cache_read_mtok'),
    cacheWriteInput: rateIn(price, 'cache_write_mtok'),
    output: rateIn(price, 'output_mtok'),
  };
}

function rateIn(prices: CataloguePrice, key: string): Rate | null {
  const price = prices[key];
  if (price === undefined) return null;
  if (typeof price === 'number') return { base: decimalOf(price), steps: [] };
  const steps = price.tiers.map(({ start, price: rate }) => ({ above: start, rate: decimalOf(rate) }));
  return { base: decimalOf(price.base), steps: steps.toSorted((one, other) => one.above - other.above) };
}

/** A price as it was written: none has more digits than these, which a floating-point number still holds exactly. */
const decimalOf = (price: number): Decimal => price.toFixed(10).replace(/\.?0+$/, '');
