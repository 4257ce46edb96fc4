/** Tokens as one shape for all providers. Null is "the provider did not say", never zero. */

/** The five token figures kept per result and summed per batch. */
export const usageFields = [
  'inputTokens',
  'outputTokens',
  'cachedInputTokens',
  'cacheWriteInputTokens',
  'reasoningTokens',
] as const;

/** Tokens of one result or the sum of many. */
export interface Usage {
  /** Every input token, cached ones included. */
  readonly inputTokens: number | null;
  /** Every output token, reasoning included. */
  readonly outputTokens: number | null;
  /** The part of the input that was read from the provider's prompt cache. */
  readonly cachedInputTokens: number | null;
  /** The part of the input that was written to the provider's prompt cache. */
  readonly cacheWriteInputTokens: number | null;
  /** The part of the output that the model spent on reasoning. */
  readonly reasoningTokens: number | null;
}

/** Nothing known. */
export const unknownUsage: Usage = {
  inputTokens: null,
  outputTokens: null,
  cachedInputTokens: null,
  cacheWriteInputTokens: null,
  reasoningTokens: null,
};
