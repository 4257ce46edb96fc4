/**
 * Which providers this process can really call, and as whom. It joins the registry (what exists) with the
 * settings (what is configured); nothing else decides between live, sandbox and neither.
 */
import { createHash } from 'node:crypto';
import { ProviderNotConfiguredError } from '../errors.ts';
import type { ClientServices, Connection, Provider, ProviderClient } from './provider.ts';

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
}

/** All providers of this process. */
export interface ProviderAccess {
  readonly entries: readonly ProviderEntry[];
  find(name: string): ProviderEntry | null;
}

/** How one provider is to be reached: live with a connection, by an emulator's connection, or not. */
export type ProviderReach =
  | { readonly mode: 'LIVE' | 'SANDBOX'; readonly connection: Connection }
  | { readonly mode: 'UNCONFIGURED' };

/** Joins the providers with the ways to reach them. */
export function openProviderAccess(
  reaches: ReadonlyMap<Provider, ProviderReach>,
  services: ClientServices,
): ProviderAccess {
  const entries = [...reaches].map(([provider, reach]) => openEntry(provider, reach, services));
  return { entries, find: (name) => entries.find((entry) => entry.provider.name === name) ?? null };
}

function openEntry(provider: Provider, reach: ProviderReach, services: ClientServices): ProviderEntry {
  if (reach.mode === 'UNCONFIGURED') {
    return {
      provider,
      mode: 'UNCONFIGURED',
      credential: null,
      client: () => {
        throw new ProviderNotConfiguredError(provider.name, provider.settings.apiKey);
      },
    };
  }
  let client: ProviderClient | undefined;
  return {
    provider,
    mode: reach.mode,
    credential: reach.mode === 'SANDBOX' ? 'sandbox' : fingerprint(reach.connection),
    client: () => {
      client ??= provider.connect(reach.connection, services);
      return client;
    },
  };
}

/** Tells two credentials apart without telling either. */
const fingerprint = ({ baseUrl, apiKey }: Connection): string =>
  createHash('sha256').update(`${baseUrl}\n${apiKey}`).digest('hex').slice(0, 16);
