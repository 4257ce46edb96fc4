/**
 * `batchql org …` and `batchql key …`: organizations and keys, straight on the service's database. For whoever has the
 * host: it needs no key, so it makes the first admin key of an organization, and a new one where all were lost.
 */
import { audited, noTarget } from '../audit/audited.ts';
import { type ApiKeyView, apiKeyPage, findApiKeys } from '../db/queries/api-keys.ts';
import { listOrganizations } from '../db/queries/organizations.ts';
import { createApiKeyInput, momentIn } from '../domain/api-key.ts';
import { isUuid } from '../domain/ids.ts';
import { workerScope } from '../domain/scope.ts';
import { StartError } from '../errors.ts';
import { createApiKey } from '../keys/create-key.ts';
import { createOrganization } from '../keys/create-organization.ts';
import { revokeApiKey } from '../keys/revoke-key.ts';
import { table } from './docs-table.ts';
import { onDatabase, organizationOf } from './host.ts';

/** Makes an organization, and prints its id. */
export const orgCreate = (name: string): Promise<void> =>
  onDatabase(async (parts) => console.log((await createOrganization(parts, name)).id));

/** Prints every organization. */
export const orgList = (): Promise<void> =>
  onDatabase(async ({ db }) => {
    const rows = await db.read((q) => listOrganizations(q));
    const cells = rows.map(({ id, name, createdAt }) => [id, name, createdAt.toISOString()]);
    console.log(table(['id', 'name', 'created'], cells));
  });

/** What `key create` is told. */
export interface KeyCreateOptions {
  readonly org: string;
  readonly scope: string;
  readonly name: string;
  readonly expires?: string;
}

/** Makes a key and prints it on standard output, alone, this once; what it is goes to standard error. */
export const keyCreate = ({ org, scope, name, expires }: KeyCreateOptions): Promise<void> =>
  onDatabase(async (parts) => {
    const now = parts.clock.now();
    const expiresAt = expires === undefined ? null : momentIn(expires, now);
    if (expires !== undefined && expiresAt === null) {
      throw new StartError('--expires must be such as 12h, 90d or 2027-01-31T00:00:00Z.');
    }
    const read = createApiKeyInput(now).safeParse({ name, scope, expiresAt });
    if (!read.success) throw new StartError(read.error.issues.map(({ message }) => message).join(' '));
    const organization = await organizationOf(parts.db, org);
    const call = { verb: 'createApiKey', organizationId: organization.id, target: noTarget };
    const { key, apiKey } = await audited(parts, workerScope, call, (db) =>
      createApiKey({ ...parts, db }, workerScope, organization.id, read.data),
    );
    console.error(`Key ${apiKey.id} of ${organization.name}, ${stateOf(apiKey, now)}; shown this once:`);
    console.log(key);
  });

/** Prints the keys of an organization, or of all. */
export const keyList = ({ org }: { readonly org?: string }): Promise<void> =>
  onDatabase(async ({ db, clock }) => {
    const now = clock.now();
    const organizations =
      org === undefined ? await db.read((q) => listOrganizations(q)) : [await organizationOf(db, org)];
    const page = { limit: Number.MAX_SAFE_INTEGER, order: 'ascending', beyond: null } as const;
    const cells: string[][] = [];
    for (const { id, name } of organizations) {
      for (const key of await db.read((q) => apiKeyPage(workerScope, q, id, page))) {
        const { prefix, access, lastUsedAt } = key;
        const used = lastUsedAt?.toISOString() ?? 'never';
        cells.push([key.id, name, key.name, prefix ?? '', access, stateOf(key, now), used]);
      }
    }
    console.log(table(['id', 'organization', 'name', 'prefix', 'scope', 'state', 'last used'], cells));
  });

/** Takes a key back. */
export const keyRevoke = (id: string): Promise<void> =>
  onDatabase(async (parts) => {
    const [known] = isUuid(id) ? await parts.db.read((q) => findApiKeys(workerScope, q, [id])) : [];
    if (known === undefined)
      throw new StartError('There is no key with this id; batchql key list tells them.');
    const { organizationId } = known;
    const call = { verb: 'revokeApiKey', organizationId, target: { ...noTarget, subjectKeyId: known.id } };
    await audited(parts, workerScope, call, (db) => revokeApiKey({ ...parts, db }, workerScope, known.id));
    console.error(`Key ${id} signs nobody in any more.`);
  });

function stateOf({ revokedAt, expiresAt }: ApiKeyView, now: Date): string {
  if (revokedAt !== null) return `revoked ${revokedAt.toISOString()}`;
  if (expiresAt === null) return 'without an end';
  return `${expiresAt <= now ? 'expired' : 'until'} ${expiresAt.toISOString()}`;
}
