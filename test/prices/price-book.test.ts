/** Which price a model has: the catalogue's with its provider's share, or the operator's own, or none. */
import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogueVersion } from '../../src/prices/catalogue.ts';
import { readOwnPrices } from '../../src/prices/own-prices.ts';
import { createPriceBook } from '../../src/prices/price-book.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import { openai } from '../../src/providers/openai/index.ts';
import { providers } from '../../src/providers/registry.ts';
import { xai } from '../../src/providers/xai/index.ts';

const at = new Date('2026-11-23T10:00:00.000Z');
const book = createPriceBook();
const flat = (base: string) => ({ base, steps: [] });

describe('The price book', () => {
  it('has the price of a model, and what a batch pays of it', () => {
    expect(book.find(openai, 'gpt-5-mini', at)).toEqual({
      rates: { input: flat('0.25'), cachedInput: flat('0.025'), cacheWriteInput: null, output: flat('2') },
      batchShare: '0.5',
    });
  });

  it('has the steps of a price that rises with the input', () => {
    expect(book.find(anthropic, 'claude-sonnet-4-5', at)?.rates.input).toEqual({
      base: '3',
      steps: [{ above: 200_000, rate: '6' }],
    });
  });

  it.each([
    ['a model that nobody knows', openai, 'gpt-nonsense'],
    ["another vendor's model", openai, 'claude-haiku-4-5'],
    ['a model without a price by tokens', openai, 'omni-moderation-latest'],
    ['no model', openai, null],
  ])('has none for %s', (_, provider, model) => {
    expect(book.find(provider, model, at)).toBeNull();
  });

  it('knows the usual price where the share of a batch differs from model to model', () => {
    expect(book.find(xai, 'grok-4.3', at)).toMatchObject({
      batchShare: null,
      rates: { output: { base: '2.5' } },
    });
  });

  it('knows the example model of every provider that it knows', () => {
    for (const provider of providers.filter(({ pricing }) => pricing.catalogue !== null)) {
      expect(book.find(provider, provider.example.model, at), provider.name).not.toBeNull();
    }
  });

  it('says which version of the package it is', () => {
    const { dependencies } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(catalogueVersion).toBe(`genai-prices ${dependencies['@pydantic/genai-prices']}`);
    expect(book.version).toBe(catalogueVersion);
  });
});

describe("The operator's own prices", () => {
  const read = async (content: unknown) => {
    const path = join(await mkdtemp(join(tmpdir(), 'batchql-prices-')), 'prices.json');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return readOwnPrices(path);
  };

  it('win over the catalogue, and add what it does not know', async () => {
    const own = createPriceBook(
      await read({
        version: 'contract 7',
        models: [
          { provider: 'openai', model: 'gpt-5-mini', input: '0.2', output: '1.5', batchShare: '0.4' },
          { provider: 'sync', model: 'lipsync-2', input: '1' },
        ],
        batchShares: { xai: '0.8', openai: '0.45' },
      }),
    );
    expect(own.version).toBe(`${catalogueVersion}, own prices contract 7`);
    expect(own.find(openai, 'gpt-5-mini', at)).toEqual({
      rates: { input: flat('0.2'), cachedInput: null, cacheWriteInput: null, output: flat('1.5') },
      batchShare: '0.4',
    });
    expect(own.find(openai, 'gpt-5', at)?.batchShare).toBe('0.45');
    expect(own.find(xai, 'grok-4.3', at)?.batchShare).toBe('0.8');
    const sync = providers.find(({ name }) => name === 'sync');
    expect(sync && own.find(sync, 'lipsync-2', at)).toMatchObject({
      rates: { output: null },
      batchShare: null,
    });
  });

  it.each<[string, unknown, string]>([
    ['no JSON', '{', 'it: '],
    [
      'a number, which may have lost digits',
      { version: '1', batchShares: { xai: 0.8 } },
      'batchShares.xai: must be text',
    ],
    ['a price below zero', { version: '1', batchShares: { xai: '-1' } }, 'batchShares.xai: must be digits'],
    [
      'a price without a model',
      { version: '1', models: [{ provider: 'openai', input: '1' }] },
      'models.0.model: ',
    ],
    ['a field that nobody reads', { version: '1', currency: 'EUR' }, 'Unrecognized key: "currency"'],
    ['no version', { models: [] }, 'version: '],
  ])('are refused by name where there is %s', async (_, content, problem) => {
    await expect(read(content)).rejects.toThrow(
      expect.objectContaining({ name: 'StartError', message: expect.stringContaining(problem) }),
    );
  });

  it('are refused where there is no file', async () => {
    await expect(readOwnPrices('/nowhere/prices.json')).rejects.toThrow(
      'The prices at PRICES_FILE cannot be used: the file cannot be read.',
    );
  });
});
