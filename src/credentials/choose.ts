/** Which credential a new batch is pinned to: the one that its caller names, else the organization's best, else the service's. */
import type { Queryable } from '../db/client.ts';
import { findCredentials, usableCredentials } from '../db/queries/credentials.ts';
import type { CredentialRow } from '../db/tables/credentials.ts';
import { chosenOf } from '../domain/credential.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { CredentialUnusableError, NotFoundError, ValidationError } from '../errors.ts';
import type { ProviderEntry } from '../providers/access.ts';
import type { Services } from '../services.ts';
import { ownEntry, reachFor } from './reach.ts';

/** A provider, and as whom it is called; null for the service's. */
export interface ChosenCredential {
  readonly entry: ProviderEntry;
  readonly credentialId: string | null;
}

/**
 * The choice. Throws `NotFoundError`, `ValidationError` for a credential of another provider, `CredentialUnusableError`,
 * and `ProviderNotConfiguredError` where the organization has none and may not use the service's.
 */
export async function chooseCredential(
  services: Pick<Services, 'db' | 'clock' | 'log' | 'providers' | 'credentials'>,
  scope: OrganizationScope,
  q: Queryable,
  { provider, mode }: ProviderEntry,
  named: string | null,
): Promise<ChosenCredential> {
  const { organizationId } = scope;
  const sandbox = mode === 'SANDBOX';
  const row =
    named === null
      ? chosenOf(await usableCredentials(scope, q, { organizationId, provider: provider.name, sandbox }))
      : await namedCredential(scope, q, named, provider.name);
  if (row !== null) return { entry: ownEntry(services, row, null, 'SEND'), credentialId: row.id };
  const pinned = { organizationId, provider: provider.name, sandbox, credentialId: null };
  return { entry: await reachFor(services, q, pinned, 'SEND'), credentialId: null };
}

async function namedCredential(
  scope: OrganizationScope,
  q: Queryable,
  id: string,
  provider: string,
): Promise<CredentialRow> {
  const [row] = await findCredentials(scope, q, [id]);
  if (row === undefined) throw new NotFoundError('credential', id);
  if (row.provider !== provider) {
    const message = `The credential is for ${row.provider}, and the batch for ${provider}.`;
    throw new ValidationError([{ path: ['input', 'credentialId'], line: null, message }]);
  }
  // Said before its secret is looked at: a revoked one may have none.
  if (row.revokedAt !== null) throw new CredentialUnusableError('REVOKED', id);
  return row;
}
