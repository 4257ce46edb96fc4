/**
 * As whom a provider is called for a batch or job: with the organization's own credential that it is pinned to, else
 * the service's. Owns the choice, and what stands against it; secrets are opened here and nowhere else.
 */
import type { Queryable } from '../db/client.ts';
import { findCredentials } from '../db/queries/credentials.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { CredentialRow } from '../db/tables/credentials.ts';
import { workerScope } from '../domain/scope.ts';
import { CredentialUnusableError, ProviderNotConfiguredError } from '../errors.ts';
import type { ProviderEntry } from '../providers/access.ts';
import type { Services } from '../services.ts';
import { openSecret } from './secret.ts';
import { watchedClient } from './watched-client.ts';

type Parts = Pick<Services, 'db' | 'clock' | 'log' | 'providers' | 'credentials'>;

/** What a provider is called for. */
export type Pinned = Pick<BatchRow, 'organizationId' | 'provider' | 'sandbox' | 'credentialId'> & {
  /** The fingerprint of what a job was sent with; absent where nothing was. */
  readonly credential?: string;
};

/**
 * What a call is for. `SEND` makes something that is paid for, so a revoked credential is refused, and one that takes
 * another's place is used at once. `READ` is about what was sent: with the very credential, as long as it works. `FIND`
 * looks for what was perhaps sent: with the very credential, as long as it is there.
 */
export type CallPurpose = 'SEND' | 'READ' | 'FIND';

/** A provider, ready to be called as somebody. */
export interface ReachedProvider extends ProviderEntry {
  /** The organization's own credential that it is called with; null for the service's. */
  readonly credentialId: string | null;
}

/**
 * The provider of a batch or job, ready to be called the way it was made for: emulated or real, as whom it is pinned
 * to. Throws `ProviderNotConfiguredError`, and `CredentialUnusableError` for a credential that cannot be used so.
 */
export async function reachFor(
  services: Parts,
  q: Queryable,
  pinned: Pinned,
  purpose: CallPurpose,
): Promise<ReachedProvider> {
  const { provider: name, sandbox, credentialId } = pinned;
  const entry = services.providers.find(name);
  if (credentialId === null) {
    if (entry === null || entry.mode === 'UNCONFIGURED' || (entry.mode === 'SANDBOX') !== sandbox) {
      const setting = sandbox ? 'SANDBOX' : (entry?.provider.settings.apiKey ?? 'it');
      throw new ProviderNotConfiguredError(name, setting);
    }
    if (purpose === 'SEND' && !services.credentials.shared) {
      throw new ProviderNotConfiguredError(name, entry.provider.settings.apiKey, { own: true });
    }
    return { ...entry, credentialId };
  }
  if (entry === null) throw new ProviderNotConfiguredError(name, 'it');
  if ((entry.mode === 'SANDBOX') !== sandbox) throw new CredentialUnusableError('OTHER_MODE', credentialId);
  return ownEntry(
    services,
    await credentialFor(q, credentialId, purpose),
    pinned.credential ?? null,
    purpose,
  );
}

/** The credential that is called with: the pinned one, or the one that has taken its place. */
async function credentialFor(q: Queryable, id: string, purpose: CallPurpose): Promise<CredentialRow> {
  const row = await rowOf(q, id);
  const isWanted = {
    SEND: false,
    READ: row.sealed !== null && row.failingSince === null,
    FIND: row.sealed !== null,
  }[purpose];
  return row.replacedBy === null || isWanted ? row : rowOf(q, row.replacedBy);
}

async function rowOf(q: Queryable, id: string): Promise<CredentialRow> {
  const [row] = await findCredentials(workerScope, q, [id]);
  if (row === undefined) throw new Error('a credential stays as long as its organization does');
  return row;
}

/** The provider as it is called with this credential. */
export function ownEntry(
  services: Parts,
  row: CredentialRow,
  sentWith: string | null,
  purpose: CallPurpose,
): ReachedProvider {
  const known = services.providers.find(row.provider);
  if (known === null) throw new ProviderNotConfiguredError(row.provider, 'it');
  if ((known.mode === 'SANDBOX') !== row.sandbox) throw new CredentialUnusableError('OTHER_MODE', row.id);
  if (purpose === 'SEND' && row.revokedAt !== null) throw new CredentialUnusableError('REVOKED', row.id);
  const { organizationId } = row;
  const secret = openSecret(services.credentials, row);
  const entry = services.providers.own(known.provider, { organizationId, secret });
  const sentWithAnother = sentWith !== null && entry.credential !== sentWith;
  return {
    ...entry,
    credentialId: row.id,
    client: () => watchedClient(services, entry.client(), { row, secret, sentWithAnother }),
  };
}
