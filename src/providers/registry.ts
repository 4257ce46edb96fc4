/** Every provider that BatchQL knows. A new one is a folder beside this file and a line in it. */
import { anthropic } from './anthropic/index.ts';
import { anyapi } from './anyapi/index.ts';
import { mistral } from './mistral/index.ts';
import { openai } from './openai/index.ts';
import type { Provider } from './provider.ts';

/** The providers, in the order in which they are shown. */
export const providers: readonly Provider[] = [anthropic, openai, anyapi, mistral];

/** The provider of that name; null where there is none. */
export const findProvider = (name: string): Provider | null =>
  providers.find((provider) => provider.name === name) ?? null;
