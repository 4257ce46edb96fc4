/** The providers of this process, as a form needs them. */
import type { Context } from '../context.ts';
import type { JsonObject } from '../domain/json-line.ts';
import type { ProviderEntry, ReachedWebhook } from '../providers/access.ts';
import type { Certainty } from '../providers/provider.ts';

/** A provider, as the schema's type is backed. */
export type ProviderModel = ProviderEntry;

/** Every provider that this version knows, configured or not, in a fixed order. */
export const listProviders = ({ services }: Context): readonly ProviderEntry[] => services.providers.entries;

/** Where a provider's credentials and the like are set; what makes it live comes first. */
export function providerSettings({ provider: { title, settings } }: ProviderEntry): readonly {
  readonly name: string;
  readonly required: boolean;
  readonly meaning: string;
}[] {
  return [
    { name: settings.apiKey, required: true, meaning: settings.apiKeyMeaning ?? `The key for ${title}.` },
    { name: settings.baseUrl, required: false, meaning: `Where ${title} is called.` },
    ...Object.values(settings.more ?? {}).map(({ variable, required, meaning }) => ({
      name: variable,
      required,
      meaning,
    })),
  ];
}

/** A body to begin with. */
export const exampleBody = ({ provider: { example } }: ProviderEntry): JsonObject =>
  example.body({ prompt: 'What is the capital of France?', index: 0, model: example.model });

/** How the provider calls us; null where it cannot, or is not configured. */
export const providerWebhook = ({ webhook }: ProviderEntry): ReachedWebhook | null => webhook;

/** How sure we are of what is believed about a provider; what does not arise is left out. */
export const providerFacts = ({
  provider: { facts },
}: ProviderEntry): readonly { readonly subject: string; readonly certainty: Certainty }[] =>
  Object.entries(facts).flatMap(([subject, certainty]) =>
    certainty === null ? [] : [{ subject, certainty }],
  );
