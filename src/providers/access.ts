/**
 * Which providers this process can really call, and as whom. It joins the registry (what exists) with the
 * settings (what is configured); nothing else decides between live, sandbox and neither.
 */
import { createHash, createHmac } from 'node:crypto';
import { ProviderNotConfiguredError } from '../errors.ts';
import { type OwnSecret, ownConnection } from './own-connection.ts';
import type { ClientServices, Connection, Provider, ProviderClient, Webhook } from './provider.ts';

/** How a provider is answered here: for real, by its emulator, or not at all. */
export const providerModes = ['LIVE', 'SANDBOX', 'UNCONFIGURED'] as const;
/** How a provider is answered here. */
export type ProviderMode = (typeof providerModes)[number];

/** One provider, as this process can use it. */
export interface ProviderEntry {
  readonly provider: Provider;
  readonly mode: ProviderMode;
  /** A fingerprint of the credential in use, to pin jobs to it; null where there is none. */
  readonly credential: string | null;
  /** The client; throws `ProviderNotConfiguredError` where there are no credentials. */
  client(): ProviderClient;
  /** How its calls to us are taken; null where it calls nobody, or is not configured. */
  readonly webhook: ReachedWebhook | null;
  /** Where it is told to call us about the job with this nonce; null where it is not told. */
  callback(nonce: string): JobCallbackPath | null;
}

/** A job's own path for its provider's calls. */
export interface JobCallbackPath {
  /** The end of the path. It follows from the nonce, which many see, and from the credential, which nobody does. */
  readonly token: string;
  readonly url: string;
}

/** A provider's webhook, as this process takes its calls. */
export interface ReachedWebhook {
  readonly definition: Webhook;
  /** What signs its calls; null where none is set, or the vendor signs nothing. */
  readonly secret: string | null;
  /** The end of the one path that an `ACCOUNT` has; null where each `JOB` has its own. */
  readonly token: string | null;
  /** Where a person tells the vendor to call; null for `JOB`, and where this service has no address outside. */
  url(): string | null;
}

/** What an organization brings, and whose it is. */
export interface OwnCredential {
  readonly organizationId: string;
  readonly secret: OwnSecret;
}

/** All providers of this process, as its operator has configured them. */
export interface ProviderAccess {
  readonly entries: readonly ProviderEntry[];
  find(name: string): ProviderEntry | null;
  /** The provider as an organization calls it with a credential of its own: where the operator says, or its emulator. */
  own(provider: Provider, credential: OwnCredential): ProviderEntry;
  /** Where providers reach a path of this service; null where they cannot. */
  urlOf(path: string): string | null;
}

/**
 * How one provider is to be reached: live with a connection, by an emulator's connection, or not. `baseUrl` is where it
 * is called with credentials that organizations bring, `{name}`s included; the provider's own where left out.
 */
export type ProviderReach =
  | { readonly mode: 'LIVE' | 'SANDBOX'; readonly connection: Connection; readonly baseUrl?: string }
  | { readonly mode: 'UNCONFIGURED'; readonly baseUrl?: string };

/** The path of a provider's calls to us, below this service's own address. */
export const callbackPath = (provider: string, token: string): string => `/callbacks/${provider}/${token}`;

/**
 * Joins the providers with the ways to reach them. `address` is where providers can call this service, without a
 * slash at its end; null where they cannot.
 */
export function openProviderAccess(
  reaches: ReadonlyMap<Provider, ProviderReach>,
  services: ClientServices,
  address: () => string | null = () => null,
): ProviderAccess {
  const urlOf = (path: string): string | null => {
    const base = address();
    return base === null ? null : base + path;
  };
  const entries = [...reaches].map(([provider, reach]) => openEntry(provider, reach, services, urlOf));
  return {
    entries,
    urlOf,
    find: (name) => entries.find((entry) => entry.provider.name === name) ?? null,
    own(provider, { organizationId, secret }) {
      const reach = reaches.get(provider) ?? { mode: 'UNCONFIGURED' };
      const { mode, connection } = ownReach(provider, reach, secret);
      const entry = openEntry(provider, { mode, connection }, services, urlOf, `/${organizationId}`);
      // An emulator has another address after each start.
      const account = mode === 'SANDBOX' ? { ...connection, baseUrl: sandboxCredential } : connection;
      return { ...entry, credential: fingerprint(account) };
    },
  };
}

/** An emulator stays one, whatever key is brought: what is emulated and what is real never meet. */
function ownReach(provider: Provider, reach: ProviderReach, secret: OwnSecret) {
  if (reach.mode === 'SANDBOX') {
    const { baseUrl, more = {} } = reach.connection;
    const own = { ...secret, more: { ...more, ...secret.more } };
    return { mode: 'SANDBOX', connection: ownConnection(provider, own, { baseUrl, more }) } as const;
  }
  const baseUrl = reach.baseUrl ?? provider.settings.defaultBaseUrl;
  const operators = reach.mode === 'LIVE' ? reach.connection.more : undefined;
  const where = { baseUrl, ...(operators === undefined ? {} : { more: operators }) };
  return { mode: 'LIVE', connection: ownConnection(provider, secret, where) } as const;
}

function openEntry(
  provider: Provider,
  reach: ProviderReach,
  services: ClientServices,
  urlOf: ProviderAccess['urlOf'],
  /** Tells the paths of an organization's account from those of all others with the same key. */
  whose = '',
): ProviderEntry {
  if (reach.mode === 'UNCONFIGURED') {
    return {
      provider,
      mode: 'UNCONFIGURED',
      credential: null,
      client: () => {
        throw new ProviderNotConfiguredError(provider.name, provider.settings.apiKey);
      },
      webhook: null,
      callback: () => null,
    };
  }
  const { webhook } = provider;
  const at = (token: string): string | null => urlOf(callbackPath(provider.name, token));
  let client: ProviderClient | undefined;
  return {
    provider,
    mode: reach.mode,
    credential: reach.mode === 'SANDBOX' ? sandboxCredential : fingerprint(reach.connection),
    client: () => {
      client ??= provider.connect(reach.connection, services);
      return client;
    },
    webhook: webhook && reachWebhook(webhook, provider.name + whose, reach.connection, at),
    callback(nonce) {
      const token = callbackToken(reach.connection, `${provider.name}/${nonce}`);
      const url = webhook?.registration === 'JOB' ? at(token) : null;
      return url === null ? null : { token, url };
    },
  };
}

function reachWebhook(
  definition: Webhook,
  name: string,
  connection: Connection,
  at: (token: string) => string | null,
): ReachedWebhook {
  const token = definition.registration === 'ACCOUNT' ? callbackToken(connection, name) : null;
  return {
    definition,
    secret: (definition.secret === null ? undefined : connection.more?.[definition.secret]) ?? null,
    token,
    url: () => (token === null ? null : at(token)),
  };
}

/** Stands for the credential of the sandbox, which is an emulator's and nobody's. */
const sandboxCredential = 'sandbox';

/** A token that stays as long as the credential does, and that nobody can guess who does not have it. */
const callbackToken = ({ apiKey }: Connection, of: string): string =>
  createHmac('sha256', apiKey).update(`callbacks/${of}`).digest('hex').slice(0, 32);

/** Tells two credentials apart without telling either. */
const fingerprint = ({ baseUrl, apiKey }: Connection): string =>
  createHash('sha256').update(`${baseUrl}\n${apiKey}`).digest('hex').slice(0, 16);
