import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  costOf,
  estimatedCost,
  estimateOf,
  type ModelPrice,
  plusRange,
  type Rate,
} from '../../src/domain/cost.ts';
import { minus, plus, times } from '../../src/domain/decimal.ts';
import { type Usage, unknownUsage } from '../../src/domain/usage.ts';

const flat = (base: string): Rate => ({ base, steps: [] });
const price: ModelPrice = {
  rates: { input: flat('3'), cachedInput: flat('0.3'), cacheWriteInput: flat('3.75'), output: flat('15') },
  batchShare: '0.5',
};
const used = (usage: Partial<Usage>): Usage => ({ ...unknownUsage, ...usage });
const unknown = { cost: null, saved: null };

describe('A result costs', () => {
  it('what its tokens cost, at the share of the price that batches pay', () => {
    expect(costOf(used({ inputTokens: 1000, outputTokens: 100 }), price)).toEqual({
      cost: '0.00225',
      saved: '0.00225',
    });
    const quarterOff = { ...price, batchShare: '0.75' };
    expect(costOf(used({ inputTokens: 1000, outputTokens: 100 }), quarterOff)).toEqual({
      cost: '0.003375',
      saved: '0.001125',
    });
  });

  it('less for what was read from a cache and more for what was written to one, both of which are part of the input', () => {
    const usage = used({
      inputTokens: 1_000_000,
      cachedInputTokens: 600_000,
      cacheWriteInputTokens: 300_000,
      outputTokens: 0,
    });
    // 0.1 × 3 + 0.6 × 0.3 + 0.3 × 3.75, halved.
    expect(costOf(usage, price).cost).toBe('0.8025');
  });

  it('what all input costs for a part of it that went through a cache and has no rate of its own', () => {
    const plain = { ...price, rates: { ...price.rates, cachedInput: null, cacheWriteInput: null } };
    const usage = { inputTokens: 1000, outputTokens: 0 };
    const cached = used({ ...usage, cachedInputTokens: 600, cacheWriteInputTokens: 300 });
    expect(costOf(cached, plain)).toEqual(costOf(used(usage), plain));
  });

  it('nothing more for reasoning, which is part of the output', () => {
    const usage = used({ inputTokens: 0, outputTokens: 1_000_000, reasoningTokens: 999_999 });
    expect(costOf(usage, price).cost).toBe('7.5');
  });

  it('the higher rate for all of its tokens where its input is longer than the step', () => {
    const stepped = {
      ...price,
      rates: {
        ...price.rates,
        input: { base: '1', steps: [{ above: 200_000, rate: '2' }] },
        output: { base: '10', steps: [{ above: 200_000, rate: '20' }] },
      },
    };
    const cost = (inputTokens: number) => costOf(used({ inputTokens, outputTokens: 1 }), stepped).cost;
    expect(cost(200_000)).toBe('0.100005');
    expect(cost(200_001)).toBe('0.200011');
  });

  it('what the provider says that it took, whatever the price book says', () => {
    const usage = used({ inputTokens: 1000, outputTokens: 100 });
    expect(costOf(usage, price, '0.001')).toEqual({ cost: '0.001', saved: '0.0035' });
    expect(costOf(usage, { ...price, batchShare: null }, '0.001')).toEqual({
      cost: '0.001',
      saved: '0.0035',
    });
    expect(costOf(unknownUsage, null, '0.001')).toEqual({ cost: '0.001', saved: null });
  });

  it('nothing where it used nothing, which is not the same as not knowing', () => {
    expect(costOf(used({ inputTokens: 0, outputTokens: 0 }), price)).toEqual({ cost: '0', saved: '0' });
  });

  it('for a model that writes nothing, what its input costs', () => {
    const embeddings = { ...price, rates: { ...price.rates, output: null } };
    expect(costOf(used({ inputTokens: 1000 }), embeddings).cost).toBe('0.0015');
    expect(costOf(used({ inputTokens: 1000, outputTokens: 1 }), embeddings)).toEqual(unknown);
  });

  it.each<[string, Usage, ModelPrice | null]>([
    ['the model has no price', used({ inputTokens: 1, outputTokens: 1 }), null],
    [
      'the share of a batch is not known',
      used({ inputTokens: 1, outputTokens: 1 }),
      { ...price, batchShare: null },
    ],
    ['its tokens are not told', unknownUsage, price],
    ['its input is not told', used({ outputTokens: 1 }), price],
    ['its output is not told', used({ inputTokens: 1 }), price],
    [
      'more came from the cache than there was',
      used({ inputTokens: 1, cachedInputTokens: 2, outputTokens: 1 }),
      price,
    ],
  ])('an unknown amount, never zero, where %s', (_, usage, given) => {
    expect(costOf(usage, given)).toEqual(unknown);
  });

  it('exactly what it saved less than without a batch, to the last digit, however many results are summed', () => {
    const counts = fc.nat({ max: 10_000_000 });
    fc.assert(
      fc.property(fc.array(fc.tuple(counts, counts), { maxLength: 20 }), (pairs) => {
        let [cost, saved] = ['0', '0'];
        for (const [inputTokens, outputTokens] of pairs) {
          const one = costOf(used({ inputTokens, outputTokens }), price);
          cost = plus(cost, one.cost ?? '');
          saved = plus(saved, one.saved ?? '');
        }
        const inputTokens = pairs.reduce((sum, [input]) => sum + input, 0);
        const outputTokens = pairs.reduce((sum, [, output]) => sum + output, 0);
        expect(costOf(used({ inputTokens, outputTokens }), price)).toEqual({ cost, saved });
        expect(minus(times(plus(cost, saved), '0.5'), cost)).toBe('0');
      }),
    );
  });
});

describe('An estimate', () => {
  const tokens = { inputLow: 1000, inputHigh: 2000, outputMax: 500 };

  it('goes from the shortest input without an answer to the longest of both', () => {
    expect(estimatedCost(tokens, price)).toEqual({ low: '0.0015', high: '0.00675' });
  });

  it('has no upper end where nothing bounds the answer, but for a model that writes none', () => {
    const unbounded = { ...tokens, outputMax: null };
    expect(estimatedCost(unbounded, price)).toEqual({ low: '0.0015', high: null });
    const embeddings = { ...price, rates: { ...price.rates, output: null } };
    expect(estimatedCost(unbounded, embeddings)).toEqual({ low: '0.0015', high: '0.003' });
  });

  it('is unknown where the price, the share or the tokens are', () => {
    expect(estimatedCost(tokens, null)).toBeNull();
    expect(estimatedCost(tokens, { ...price, batchShare: null })).toBeNull();
    expect(estimatedCost(null, price)).toBeNull();
  });

  it('of several is unknown as far as that of any one is', () => {
    const known = { low: '1', high: '2' };
    expect(plusRange(known, { low: '0.5', high: '3' })).toEqual({ low: '1.5', high: '5' });
    expect(plusRange(known, { low: '0.5', high: null })).toEqual({ low: '1.5', high: null });
    expect(plusRange(known, null)).toBeNull();
  });

  it('of a batch is nothing while it is empty, and unknown once a request of it is', () => {
    const unknownYet = { estimatedCostLow: null, estimatedCostHigh: null };
    expect(estimateOf({ total: 0, ...unknownYet })).toEqual({ low: '0', high: '0' });
    expect(estimateOf({ total: 1, ...unknownYet })).toBeNull();
    expect(estimateOf({ total: 1, estimatedCostLow: '1', estimatedCostHigh: null })).toEqual({
      low: '1',
      high: null,
    });
  });
});
