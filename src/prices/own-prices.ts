/**
 * The operator's own prices: a JSON file with what was agreed, or what the catalogue does not know. Owns its form and
 * the reading of it; that it wins over the catalogue is `price-book.ts`.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { decimalPattern } from '../domain/decimal.ts';
import { StartError } from '../errors.ts';

const amount = z
  .string({ error: 'must be text, such as "0.25", so that no digit is lost' })
  .regex(decimalPattern, 'must be digits, such as "0.25"');

const ownPrice = z.strictObject({
  /** The provider, by our name for it. */
  provider: z.string().min(1),
  /** The model, as requests name it. */
  model: z.string().min(1),
  /** US dollars per million tokens, one by one. */
  input: amount,
  cachedInput: amount.optional(),
  cacheWriteInput: amount.optional(),
  /** Left out for a model that writes nothing. */
  output: amount.optional(),
  /** The share of these that a batch pays; the provider's where left out. */
  batchShare: amount.optional(),
});

const ownPrices = z.strictObject({
  version: z.string().min(1).max(64),
  models: z.array(ownPrice).default([]),
  /** By provider: the share of the usual price that a batch pays. */
  batchShares: z.record(z.string(), amount).default({}),
});

/** One model's price, as the operator says it. */
export type OwnPrice = z.output<typeof ownPrice>;
/** The operator's prices. */
export type OwnPrices = z.output<typeof ownPrices>;

/** Where there is no file. */
export const noOwnPrices: OwnPrices = { version: '', models: [], batchShares: {} };

/** What the file says. Throws `StartError` with the first thing that is wrong with it. */
export async function readOwnPrices(path: string): Promise<OwnPrices> {
  const refuse = (problem: string) => new StartError(`The prices at PRICES_FILE cannot be used: ${problem}.`);
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) throw refuse('the file cannot be read');
  const result = ownPrices.safeParse(jsonIn(text));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw refuse(`${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'it is no JSON object'}`);
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
