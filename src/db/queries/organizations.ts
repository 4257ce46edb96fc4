/** Statements on organizations and their keys. These come before a scope exists, so they take none. */
import { and, asc, eq, gt, isNull, ne, or, sql } from 'drizzle-orm';
import type { Grant } from '../../domain/grant.ts';
import type { AccessScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { apiKeys, organizations } from '../tables/organizations.ts';
import { type ApiKeyView, apiKeyColumns } from './api-keys.ts';

/** A key that may sign in, with its organization. */
export interface SignedInKey {
  readonly apiKeyId: string;
  readonly apiKey: ApiKeyView;
  readonly access: AccessScope;
  readonly organizationId: string;
  readonly organizationName: string;
  /** What is kept of the key; what is signed in its name is signed by it. */
  readonly keyHash: Buffer;
  /** The read token or the signed link by which the key signed in; null for the key itself. */
  readonly grant: Grant | null;
}

/** How a key is looked for: by its hash, or by its id, which proves nothing yet. */
export type WantedKey = { readonly now: Date; readonly sandbox: boolean } & (
  | { readonly hash: Buffer }
  | { readonly id: string }
);

/** The live key; null where there is none, or it is revoked, expired, or the sandbox's elsewhere. */
export async function findKey(db: Queryable, wanted: WantedKey): Promise<SignedInKey | null> {
  const { sandbox, now } = wanted;
  const [key, by] = 'hash' in wanted ? [wanted.hash, 'hash' as const] : [wanted.id, 'id' as const];
  const written = keyStatements.get(db) ?? new Map<string, KeyStatement>();
  keyStatements.set(db, written);
  const kind = `${by} ${sandbox}`;
  const statement =
    written.get(kind) ??
    db
      .select({
        apiKey: apiKeyColumns,
        organizationId: organizations.id,
        organizationName: organizations.name,
        keyHash: apiKeys.hash,
      })
      .from(apiKeys)
      .innerJoin(organizations, eq(organizations.id, apiKeys.organizationId))
      .where(
        and(
          eq(apiKeys[by], sql.placeholder('key')),
          isNull(apiKeys.revokedAt),
          or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql.placeholder('now'))),
          sandbox ? undefined : eq(apiKeys.sandboxOnly, false),
        ),
      )
      // Here only and under no name: behind a pooler each request may have another connection.
      .prepare('');
  written.set(kind, statement);
  const [row] = await statement.execute({ key, now: now.toISOString() });
  return row === undefined
    ? null
    : { ...row, apiKeyId: row.apiKey.id, access: row.apiKey.access, grant: null };
}

interface KeyStatement {
  execute(values: {
    readonly key: Buffer | string;
    readonly now: string;
  }): Promise<Pick<SignedInKey, 'apiKey' | 'organizationId' | 'organizationName' | 'keyHash'>[]>;
}

/** Every request signs in, and to write the statement took a quarter of the time of one that asks for little. */
const keyStatements = new WeakMap<Queryable, Map<string, KeyStatement>>();

/** Waits until no other transaction makes an organization or first keys; until the end of this one, no other will. */
export async function lockOrganizations(tx: Queryable): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(4607184)`);
}

/** Whether a key with this hash was ever made. */
export async function hasKey(db: Queryable, hash: Buffer): Promise<boolean> {
  const rows = await db.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.hash, hash));
  return rows.length > 0;
}

/** Revokes the key with this hash, where there is one. */
export async function revokeKey(db: Queryable, hash: Buffer, now: Date): Promise<void> {
  await db
    .update(apiKeys)
    .set({ revokedAt: now })
    .where(and(eq(apiKeys.hash, hash), isNull(apiKeys.revokedAt)));
}

/** The oldest organization, leaving out those called `except`; null where there is none. */
export async function firstOrganizationId(db: Queryable, except = ''): Promise<string | null> {
  const [row] = await db
    .select({ id: organizations.id })
    .from(organizations)
    .where(ne(organizations.name, except))
    .orderBy(asc(organizations.createdAt), asc(organizations.id))
    .limit(1);
  return row?.id ?? null;
}

/** Whether any key exists that could sign in to a live service. */
export async function hasLiveKey(db: Queryable): Promise<boolean> {
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.sandboxOnly, false), isNull(apiKeys.revokedAt)))
    .limit(1);
  return rows.length > 0;
}

/** An organization, as operators see it. */
export type OrganizationRow = Pick<typeof organizations.$inferSelect, 'id' | 'name' | 'createdAt'>;

/** The organizations, oldest first: all, or those with this name or id. */
export async function listOrganizations(db: Queryable, nameOrId?: string): Promise<OrganizationRow[]> {
  const { id, name, createdAt } = organizations;
  return db
    .select({ id, name, createdAt })
    .from(organizations)
    .where(
      nameOrId === undefined
        ? undefined
        : or(eq(organizations.name, nameOrId), eq(sql`${organizations.id}::text`, nameOrId.toLowerCase())),
    )
    .orderBy(asc(organizations.createdAt), asc(organizations.id));
}

/** Adds an organization. */
export async function insertOrganization(
  db: Queryable,
  row: typeof organizations.$inferInsert,
): Promise<void> {
  await db.insert(organizations).values(row);
}

/** Adds a key; one whose hash is there already stays as it is. */
export async function insertKey(db: Queryable, row: typeof apiKeys.$inferInsert): Promise<void> {
  await db.insert(apiKeys).values(row).onConflictDoNothing({ target: apiKeys.hash });
}
