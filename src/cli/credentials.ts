/**
 * `batchql credentials …`: the credentials that organizations bring, straight on the service's database and with its
 * keys. A secret is read from standard input: arguments are seen by everybody on the host, and kept by shells.
 */
import { text } from 'node:stream/consumers';
import { SingleBar } from 'cli-progress';
import { z } from 'zod';
import { audited, noTarget } from '../audit/audited.ts';
import type { Config } from '../config.ts';
import { addCredential } from '../credentials/add.ts';
import { openKeyring } from '../credentials/keyring.ts';
import { revokeCredential } from '../credentials/revoke.ts';
import { rotateSecrets } from '../credentials/rotate.ts';
import { credentialPage, findCredentials } from '../db/queries/credentials.ts';
import { listOrganizations } from '../db/queries/organizations.ts';
import { addCredentialInput, credentialStatus } from '../domain/credential.ts';
import { isUuid } from '../domain/ids.ts';
import { workerScope } from '../domain/scope.ts';
import { StartError } from '../errors.ts';
import { openProviderAccess, type ProviderReach } from '../providers/access.ts';
import type { Provider } from '../providers/provider.ts';
import { providers } from '../providers/registry.ts';
import { table } from './docs-table.ts';
import { onDatabase, organizationOf, type Parts } from './host.ts';

/** What `credentials add` is told. */
export interface CredentialsAddOptions {
  readonly org: string;
  readonly provider: string;
  readonly name: string;
  readonly replaces?: string;
}

/** Keeps the credential that is read from standard input, and prints its id. */
export async function credentialsAdd({ org, ...given }: CredentialsAddOptions): Promise<void> {
  const input = { ...given, ...secretIn(await text(process.stdin)) };
  await onDatabase(async (parts) => {
    const read = addCredentialInput.safeParse(input);
    if (!read.success) throw new StartError(read.error.issues.map(({ message }) => message).join(' '));
    if (given.replaces !== undefined && !isUuid(given.replaces)) throw unknownCredential();
    const organization = await organizationOf(parts.db, org);
    const call = { verb: 'addCredential', organizationId: organization.id, target: noTarget };
    const { credential } = await audited(parts, workerScope, call, (db) =>
      addCredential({ ...services(parts), db }, workerScope, organization.id, read.data),
    );
    console.error(`Credential ${credential.name} of ${organization.name} for ${credential.provider}:`);
    console.log(credential.id);
  });
}

/** Prints the credentials of an organization, or of all. */
export const credentialsList = ({ org }: { readonly org?: string }): Promise<void> =>
  onDatabase(async ({ db }) => {
    const organizations =
      org === undefined ? await db.read((q) => listOrganizations(q)) : [await organizationOf(db, org)];
    const page = { limit: Number.MAX_SAFE_INTEGER, order: 'ascending', beyond: null } as const;
    const cells: string[][] = [];
    for (const { id, name } of organizations) {
      for (const row of await db.read((q) => credentialPage(workerScope, q, id, page))) {
        const used = row.lastUsedAt?.toISOString() ?? 'never';
        const lastFour = row.lastFour === null ? '' : `…${row.lastFour}`;
        cells.push([row.id, name, row.provider, row.name, lastFour, credentialStatus(row), used]);
      }
    }
    console.log(table(['id', 'organization', 'provider', 'name', 'key', 'status', 'last used'], cells));
  });

/** Takes a credential out of use. */
export const credentialsRevoke = (
  id: string,
  { immediately = false }: { readonly immediately?: boolean },
): Promise<void> =>
  onDatabase(async (parts) => {
    const [known] = isUuid(id) ? await parts.db.read((q) => findCredentials(workerScope, q, [id])) : [];
    if (known === undefined) throw unknownCredential();
    const { organizationId } = known;
    const target = { ...noTarget, credentialId: known.id };
    const call = { verb: 'revokeCredential', organizationId, target };
    await audited(parts, workerScope, call, (db) =>
      revokeCredential({ ...parts, db }, workerScope, known.id, { immediately }),
    );
    console.error(`Nothing new is sent with credential ${id}.`);
  });

/** Encrypts every credential anew, and tells how far it is. Fails at its end for those that no key opens. */
export const credentialsRotate = (): Promise<void> =>
  onDatabase(async ({ db, config }) => {
    const keyring = openKeyring(config.credentials.keys);
    if (keyring === null) throw new StartError('CREDENTIALS_KEY must be set to what to encrypt with.');
    const bar = new SingleBar({ format: '[{bar}] {value} of {total} credentials', noTTYOutput: false });
    const { changed, unreadable } = await rotateSecrets({ db }, keyring, (done, total) => {
      if (done === 0) bar.start(total, 0);
      bar.setTotal(total);
      bar.update(done);
    });
    bar.stop();
    console.error(`${changed} credentials are encrypted with the present key now.`);
    if (unreadable.length === 0) return;
    throw new StartError(
      `${unreadable.length} could not be read with CREDENTIALS_KEY or any of CREDENTIALS_KEY_OLD: ${unreadable.join(', ')}.`,
    );
  });

const unknownCredential = () =>
  new StartError('There is no credential with this id; batchql credentials list tells them.');

const givenSchema = z.record(z.string(), z.string());

/** A key alone, or an object with the key and further settings. No message quotes it. */
function secretIn(given: string) {
  const trimmed = given.trim();
  if (trimmed === '') throw new StartError('The credential is read from standard input, which was empty.');
  if (!trimmed.startsWith('{')) return { apiKey: trimmed, settings: [] };
  const read = givenSchema.safeParse(jsonIn(trimmed));
  const { apiKey, ...more } = read.data ?? {};
  if (apiKey === undefined) {
    throw new StartError('Standard input must be a key, or a JSON object of texts with one called apiKey.');
  }
  return { apiKey, settings: Object.entries(more).map(([name, value]) => ({ name, value })) };
}

function jsonIn(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return null;
  }
}

/** What adding needs of the service; nobody is called. */
function services({ clock, config }: Parts) {
  const all = [...providers, ...config.compatibleProviders];
  const reaches = new Map(all.map((provider) => [provider, reachOf(config, provider)]));
  return {
    clock,
    providers: openProviderAccess(reaches, { clock }),
    credentials: { keyring: openKeyring(config.credentials.keys), shared: config.credentials.shared },
  };
}

function reachOf({ sandbox, baseUrls, providers: connections }: Config, provider: Provider): ProviderReach {
  const baseUrl = baseUrls[provider.name] ?? provider.settings.defaultBaseUrl;
  const connection = connections[provider.name] ?? null;
  if (sandbox) return { mode: 'SANDBOX', connection: { baseUrl, apiKey: '' } };
  return connection === null ? { mode: 'UNCONFIGURED', baseUrl } : { mode: 'LIVE', connection, baseUrl };
}
