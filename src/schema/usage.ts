import type { Usage } from '../domain/usage.ts';
import { builder } from './builder.ts';

/** Tokens of an item or a batch. */
export const UsageType = builder.objectRef<Usage>('Usage').implement({
  description: 'Tokens, in one shape for all providers. Null is "the provider did not say", never zero.',
  fields: (t) => ({
    inputTokens: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'Every input token, cached ones included.',
      resolve: (usage) => usage.inputTokens,
    }),
    outputTokens: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'Every output token, reasoning included.',
      resolve: (usage) => usage.outputTokens,
    }),
    cachedInputTokens: t.field({
      type: 'BigInt',
      nullable: true,
      description: "The part of the input that was read from the provider's prompt cache.",
      resolve: (usage) => usage.cachedInputTokens,
    }),
    cacheWriteInputTokens: t.field({
      type: 'BigInt',
      nullable: true,
      description: "The part of the input that was written to the provider's prompt cache.",
      resolve: (usage) => usage.cacheWriteInputTokens,
    }),
    reasoningTokens: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'The part of the output that the model spent on reasoning.',
      resolve: (usage) => usage.reasoningTokens,
    }),
  }),
});
