/** The settings that each provider brings, made of what it says of itself. */
import { z } from 'zod';
import type { Provider } from '../providers/provider.ts';
import { httpUrl, key } from './kinds.ts';
import type { Variable } from './variables.ts';

/** The further settings of a provider, each with the name under which its connection has it. */
export function furtherVariables({ settings }: Pick<Provider, 'settings'>): readonly {
  readonly name: string;
  readonly required: boolean;
  readonly variable: Variable<string, null>;
}[] {
  return Object.entries(settings.more ?? {}).map(
    ([name, { variable, required, pattern, must, meaning }]) => ({
      name,
      required,
      variable: { name: variable, kind: { must, schema: z.string().regex(pattern) }, default: null, meaning },
    }),
  );
}

/** The two settings that every provider has. */
export function providerVariables({ title, settings }: Pick<Provider, 'title' | 'settings'>) {
  return {
    apiKey: {
      name: settings.apiKey,
      kind: key(1),
      default: null,
      meaning: `${settings.apiKeyMeaning ?? `The key for ${title}.`} Without it the provider cannot be used outside of the sandbox.`,
    },
    baseUrl: {
      name: settings.baseUrl,
      kind: httpUrl,
      default: settings.defaultBaseUrl,
      meaning: `Where ${title} is called.`,
    },
  } as const satisfies Record<string, Variable<string, null>>;
}
