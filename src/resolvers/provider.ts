/** The providers of this process, as a form needs them. */
import type { Context } from '../context.ts';
import { usableCredentials } from '../db/queries/credentials.ts';
import type { CredentialRow } from '../db/tables/credentials.ts';
import { chosenOf } from '../domain/credential.ts';
import type { JsonObject } from '../domain/json-line.ts';
import type { ProviderEntry, ProviderMode, ReachedWebhook } from '../providers/access.ts';
import { type OwnSetting, ownSettings } from '../providers/own-connection.ts';
import type { Certainty } from '../providers/provider.ts';

/** A provider, as the schema's type is backed: as the caller's organization can use it. */
export interface ProviderModel extends ProviderEntry {
  /** The organization's own credential that its new batches use; null where they use the service's, or none. */
  ownCredential(): Promise<CredentialRow | null>;
  /** How it is answered to the organization. */
  modeForCaller(): Promise<ProviderMode>;
}

/** Every provider that this version knows, configured or not, in a fixed order. */
export function listProviders({ services, scope, sandbox }: Context): readonly ProviderModel[] {
  const { db, providers, credentials } = services;
  const { organizationId } = scope;
  // A token is told how its key is answered; what it is told of credentials themselves is the schema's to say.
  const ofKey = { ...scope, grant: null };
  // Once for all of them, and only where it is asked for.
  let brought: Promise<readonly CredentialRow[]> | undefined;
  const ownCredentials = () => {
    brought ??= db.read((q) => usableCredentials(ofKey, q, { organizationId, sandbox }));
    return brought;
  };
  return providers.entries.map((entry) => {
    const ownCredential = async () =>
      chosenOf((await ownCredentials()).filter(({ provider }) => provider === entry.provider.name));
    const modeForCaller = async () =>
      sandbox ? entry.mode : modeOf(entry.mode, (await ownCredential()) !== null, credentials.shared);
    return { ...entry, ownCredential, modeForCaller };
  });
}

const modeOf = (services: ProviderMode, hasOwn: boolean, shared: boolean): ProviderMode => {
  if (hasOwn) return 'LIVE';
  return shared ? services : 'UNCONFIGURED';
};

/** What an organization gives beside the key where it brings a credential of its own. */
export const credentialSettings = ({ provider }: ProviderEntry): readonly OwnSetting[] =>
  ownSettings(provider);

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

/** What all its jobs with one credential together must keep to, by what is known and by the settings. */
export const providerQueue = ({ provider: { limits } }: ProviderEntry, { services }: Context) =>
  limits.queue.map(({ unit, per, max, setting }) => {
    const said = services.settings.queues[setting];
    return { unit, perModel: per === 'MODEL', max: said === undefined ? max : (said['*'] ?? null), setting };
  });

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
