/**
 * The price book: what a provider's model costs in a batch. The operator's own prices come first, then the catalogue's
 * with the share of them that the provider's batches pay. What neither knows has no price, which is not a price of
 * nothing.
 */
import type { ModelPrice, Rate } from '../domain/cost.ts';
import type { Provider } from '../providers/provider.ts';
import { catalogueRates, catalogueVersion } from './catalogue.ts';
import { noOwnPrices, type OwnPrice, type OwnPrices } from './own-prices.ts';

/** What of a provider decides on its prices. */
type Priced = Pick<Provider, 'name' | 'pricing'>;

/** The prices of every provider's models. */
export interface PriceBook {
  /** Which prices these are, for people: the catalogue's version, and that of the operator's own. */
  readonly version: string;
  /** The price of a model at a moment; null where nobody knows it, as of no model. */
  find(provider: Priced, model: string | null, at: Date): ModelPrice | null;
}

/** The book with these prices of the operator's own. */
export function createPriceBook(own: OwnPrices = noOwnPrices): PriceBook {
  const shareOf = ({ name, pricing }: Priced) => own.batchShares[name] ?? pricing.batchShare;
  const look = (provider: Priced, model: string, at: Date): ModelPrice | null => {
    const agreed = own.models.find((price) => price.provider === provider.name && price.model === model);
    if (agreed !== undefined)
      return { ...ratesOf(agreed), batchShare: agreed.batchShare ?? shareOf(provider) };
    const { catalogue } = provider.pricing;
    const rates = catalogue === null ? null : catalogueRates(catalogue, model, at);
    return rates === null ? null : { rates, batchShare: shareOf(provider) };
  };
  // To look a model up takes a third of a millisecond, and a job's requests mostly share one.
  let looked = { at: Number.NaN, prices: new Map<string, ModelPrice | null>() };
  const recall = (provider: Priced, model: string, at: Date): ModelPrice | null => {
    if (looked.at !== at.getTime()) looked = { at: at.getTime(), prices: new Map() };
    const key = `${provider.name} ${model}`;
    const known = looked.prices.get(key);
    if (known !== undefined) return known;
    const price = look(provider, model, at);
    looked.prices.set(key, price);
    return price;
  };
  return {
    version: own === noOwnPrices ? catalogueVersion : `${catalogueVersion}, own prices ${own.version}`,
    find: (provider, model, at) => (model === null ? null : recall(provider, model, at)),
  };
}

const ratesOf = ({ input, cachedInput, cacheWriteInput, output }: OwnPrice): Pick<ModelPrice, 'rates'> => ({
  rates: {
    input: flat(input),
    cachedInput: cachedInput === undefined ? null : flat(cachedInput),
    cacheWriteInput: cacheWriteInput === undefined ? null : flat(cacheWriteInput),
    output: output === undefined ? null : flat(output),
  },
});

const flat = (base: string): Rate => ({ base, steps: [] });
