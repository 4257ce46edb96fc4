/**
 * The connection of a credential that an organization brings, made of what the provider's own settings ask for. Owns
 * which of them an organization may and must give; where calls go stays the operator's to say.
 */
import { type Connection, filledIn, type Provider, type ProviderSetting } from './provider.ts';

/** What an organization gives: the key, and further settings by name. */
export interface OwnSecret {
  readonly apiKey: string;
  readonly more: Readonly<Record<string, string>>;
}

/** A further setting that an organization may give. */
export interface OwnSetting extends Pick<ProviderSetting, 'meaning' | 'must' | 'pattern'> {
  readonly name: string;
  readonly required: boolean;
}

/** The further settings that an organization's credential for the provider may have. */
export const ownSettings = ({ settings }: Pick<Provider, 'settings'>): readonly OwnSetting[] =>
  Object.entries(settings.more ?? {}).flatMap(([name, { ofOrganizations, required, ...rest }]) =>
    ofOrganizations === 'NEVER'
      ? []
      : [{ ...rest, name, required: required || ofOrganizations === 'REQUIRED' }],
  );

/** What is wrong with the settings that were given: the index of each, null for one that is missing. Quotes no value. */
export function ownProblems(
  provider: Pick<Provider, 'settings' | 'title'>,
  given: readonly { readonly name: string; readonly value: string }[],
): readonly { readonly index: number | null; readonly message: string }[] {
  const known = ownSettings(provider);
  const names = known.map(({ name }) => name);
  const wrong = given.flatMap(({ name, value }, index) => {
    const setting = known.find((one) => one.name === name);
    if (setting === undefined) {
      const others = names.length === 0 ? 'none' : names.join(', ');
      return [
        { index, message: `${provider.title} has no setting of this name to give; it has: ${others}.` },
      ];
    }
    if (given.findIndex((other) => other.name === name) < index) {
      return [{ index, message: `${name} must be given once.` }];
    }
    return setting.pattern.test(value) ? [] : [{ index, message: `${name} must be ${setting.must}.` }];
  });
  const missing = known.filter(({ name, required }) => required && !given.some((one) => one.name === name));
  return [
    ...wrong,
    ...missing.map(({ name, meaning }) => ({ index: null, message: `${name} must be given: ${meaning}` })),
  ];
}

/** Where and as whom to call: the organization's word on who, the operator's on where. */
export const ownConnection = (
  { settings }: Pick<Provider, 'settings'>,
  { apiKey, more }: OwnSecret,
  { baseUrl, more: operators = {} }: Pick<Connection, 'baseUrl' | 'more'>,
): Connection => {
  const kept = Object.entries(operators).filter(
    ([name]) => settings.more?.[name]?.ofOrganizations === 'NEVER',
  );
  const all = { ...Object.fromEntries(kept), ...more };
  return { baseUrl: filledIn(baseUrl, all), apiKey, more: all };
};
