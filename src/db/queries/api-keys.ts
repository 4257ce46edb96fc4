/** Statements on the keys of an organization; signing in by one is in `organizations.ts`, as no scope exists before. */
import { and, eq, gt, inArray, isNull, lt, or, sql } from 'drizzle-orm';
import type { AccessScope, Scope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { apiKeys } from '../tables/organizations.ts';
import { beyondCursor, byCreation, type CreationPage } from './creation-page.ts';
import { eventChannel, keyWord } from './events.ts';
import { inScope } from './scope.ts';

/** A key as it may be shown: everything but the key. */
export interface ApiKeyView {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  /** Its first characters; null for a key that was not made here. */
  readonly prefix: string | null;
  readonly access: AccessScope;
  readonly createdAt: Date;
  /** The key that made it; null where none did. */
  readonly createdBy: string | null;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** The columns of an `ApiKeyView`. */
export const apiKeyColumns = {
  id: apiKeys.id,
  organizationId: apiKeys.organizationId,
  name: apiKeys.name,
  prefix: apiKeys.prefix,
  access: sql<AccessScope>`${apiKeys.scope}`,
  createdAt: apiKeys.createdAt,
  createdBy: apiKeys.createdBy,
  expiresAt: apiKeys.expiresAt,
  revokedAt: apiKeys.revokedAt,
  lastUsedAt: apiKeys.lastUsedAt,
};

/** The keys with these ids that the scope has, in no order. */
export async function findApiKeys(
  scope: Scope,
  db: Queryable,
  ids: readonly string[],
): Promise<ApiKeyView[]> {
  return db
    .select(apiKeyColumns)
    .from(apiKeys)
    .where(and(inArray(apiKeys.id, [...ids]), inScope(scope, apiKeys.organizationId)));
}

/** One page of an organization's keys by creation time, revoked and expired ones included. */
export async function apiKeyPage(
  scope: Scope,
  db: Queryable,
  organizationId: string,
  page: CreationPage,
): Promise<ApiKeyView[]> {
  return db
    .select(apiKeyColumns)
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.organizationId, organizationId),
        inScope(scope, apiKeys.organizationId),
        beyondCursor(apiKeys, page),
      ),
    )
    .orderBy(byCreation(apiKeys, page))
    .limit(page.limit);
}

/** How many keys an organization has, revoked and expired ones included. */
export async function countApiKeys(scope: Scope, db: Queryable, organizationId: string): Promise<number> {
  return db.$count(
    apiKeys,
    and(eq(apiKeys.organizationId, organizationId), inScope(scope, apiKeys.organizationId)),
  );
}

/** Whether the key is the sandbox's, or was made by one that is, so that it opens nothing that is real. */
export async function isSandboxOnly(scope: Scope, db: Queryable, id: string): Promise<boolean> {
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.id, id), eq(apiKeys.sandboxOnly, true), inScope(scope, apiKeys.organizationId)));
  return rows.length > 0;
}

/** Revokes the key; one that was revoked before stays as it is. Null where the scope has none with this id. */
export async function revokeApiKey(
  scope: Scope,
  tx: Queryable,
  id: string,
  now: Date,
): Promise<ApiKeyView | null> {
  const [row] = await tx
    .update(apiKeys)
    .set({ revokedAt: sql`coalesce(${apiKeys.revokedAt}, ${now.toISOString()}::timestamptz)` })
    .where(and(eq(apiKeys.id, id), inScope(scope, apiKeys.organizationId)))
    .returning(apiKeyColumns);
  return row ?? null;
}

/** Tells listeners at commit that something about the key has changed. */
export async function notifyApiKey(_scope: Scope, tx: Queryable, id: string): Promise<void> {
  await tx.execute(sql`select pg_notify(${eventChannel}, ${`${keyWord} ${id}`})`);
}

/** Notes that the key was used now, unless that was noted since `before`. */
export async function noteKeyUse(
  scope: Scope,
  db: Queryable,
  id: string,
  { now, before }: { readonly now: Date; readonly before: Date },
): Promise<void> {
  await db
    .update(apiKeys)
    .set({ lastUsedAt: now })
    .where(
      and(
        eq(apiKeys.id, id),
        or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, before)),
        inScope(scope, apiKeys.organizationId),
      ),
    );
}

/** Whether the key still signs in. */
export async function isLiveKey(scope: Scope, db: Queryable, id: string, now: Date): Promise<boolean> {
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.id, id),
        isNull(apiKeys.revokedAt),
        or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, now)),
        inScope(scope, apiKeys.organizationId),
      ),
    );
  return rows.length > 0;
}
