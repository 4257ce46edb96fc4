/** Every provider that BatchQL knows. A new one is a folder beside this file and a line in it. */
import { anthropic } from './anthropic/index.ts';
import { anyapi } from './anyapi/index.ts';
import { bedrock } from './bedrock/index.ts';
import { gemini } from './gemini/index.ts';
import { letta } from './letta/index.ts';
import { mistral } from './mistral/index.ts';
import { openai } from './openai/index.ts';
import type { Provider } from './provider.ts';
import { sync } from './sync/index.ts';
import { xai } from './xai/index.ts';

/** The providers, in the order in which they are shown. */
export const providers: readonly Provider[] = [
  anthropic,
  openai,
  anyapi,
  bedrock,
  xai,
  letta,
  sync,
  gemini,
  mistral,
];

/** The provider of that name; null where there is none. */
export const findProvider = (name: string): Provider | null =>
  providers.find((provider) => provider.name === name) ?? null;
