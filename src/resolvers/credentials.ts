/** The credentials that the caller's organization has brought, and their verbs. Secrets are in none of the answers. */
import type { Context } from '../context.ts';
import { addCredential as add, type ChangedCredential } from '../credentials/add.ts';
import { revokeCredential as revoke } from '../credentials/revoke.ts';
import { countCredentials, credentialPage } from '../db/queries/credentials.ts';
import type { CredentialRow } from '../db/tables/credentials.ts';
import { addCredentialInput, credentialStatus, revokeCredentialInput } from '../domain/credential.ts';
import { type PageArguments, pageWindow } from '../domain/page.ts';
import { callbackPath } from '../providers/access.ts';
import { pageSizes, parseInput } from './arguments.ts';
import { creationCursor } from './batch.ts';
import { type Connection, connectionOf, readingLimit, readingOrder } from './connection.ts';

/** A credential, as the schema's type is backed. */
export type CredentialModel = CredentialRow;

/** The organization's credentials, newest first, revoked ones included. */
export async function listCredentials(
  args: PageArguments,
  { services: { db }, scope }: Context,
): Promise<Connection<CredentialRow>> {
  const { organizationId } = scope;
  const window = pageWindow(args, pageSizes.batches);
  const cursor = creationCursor('credential');
  const page = {
    limit: readingLimit(window),
    order: readingOrder(window, 'descending'),
    beyond: cursor.read(window),
  };
  const rows = await db.read((q) => credentialPage(scope, q, organizationId, page));
  return connectionOf(window, rows, cursor.of, () =>
    db.read((q) => countCredentials(scope, q, organizationId)),
  );
}

/** The credential with this id; null for no id, and where the organization has none with it. */
export const credentialOf = async (id: string | null, { loaders }: Context): Promise<CredentialRow | null> =>
  id === null ? null : loaders.credential.load(id);

/** What the credential is doing. */
export const statusOf = (credential: CredentialRow) => credentialStatus(credential);

/** Where a person tells the credential's account to call; null where it calls nobody, or this service has no address. */
export const webhookUrl = (
  { provider, callbackToken }: CredentialRow,
  { services: { providers } }: Context,
): string | null => (callbackToken === null ? null : providers.urlOf(callbackPath(provider, callbackToken)));

/** Takes a credential into keeping. */
export async function addCredential(
  { input }: { input: unknown },
  { services, scope }: Context,
): Promise<ChangedCredential> {
  return add(services, scope, scope.organizationId, parseInput(addCredentialInput, input));
}

/** Takes a credential out of use. */
export async function revokeCredential(
  { input: { credentialId, ...fields } }: { input: { credentialId: string; [field: string]: unknown } },
  { services, scope }: Context,
): Promise<ChangedCredential> {
  return revoke(services, scope, credentialId, parseInput(revokeCredentialInput, fields));
}
