/** Statements on the credentials that organizations bring: made, read, revoked, replaced, and whether they work. */
import { and, eq, inArray, isNotNull, isNull, lt, or, sql } from 'drizzle-orm';
import type { Scope, WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { type CredentialRow, credentials } from '../tables/credentials.ts';
import { beyondCursor, byCreation, type CreationPage } from './creation-page.ts';
import { inScope, owned } from './scope.ts';

const named = (scope: Scope, id: string) =>
  and(eq(credentials.id, id), inScope(scope, credentials.organizationId));

/** Adds a credential. */
export async function insertCredential(scope: Scope, tx: Queryable, row: CredentialRow): Promise<void> {
  await tx.insert(credentials).values(owned(scope, row));
}

/** The credentials with these ids that the scope has, in no order. */
export async function findCredentials(
  scope: Scope,
  db: Queryable,
  ids: readonly string[],
): Promise<CredentialRow[]> {
  return db
    .select()
    .from(credentials)
    .where(and(inArray(credentials.id, [...ids]), inScope(scope, credentials.organizationId)));
}

/** The same row, kept from changing until the transaction ends; null where the scope has none with this id. */
export async function lockCredential(scope: Scope, tx: Queryable, id: string): Promise<CredentialRow | null> {
  const [row] = await tx.select().from(credentials).where(named(scope, id)).for('no key update');
  return row ?? null;
}

/** Whether the credential may send; it then stays so until the transaction ends. */
export async function maySend(scope: Scope, tx: Queryable, id: string): Promise<boolean> {
  const [row] = await tx
    .select({ revokedAt: credentials.revokedAt })
    .from(credentials)
    .where(named(scope, id))
    .for('share');
  return row?.revokedAt === null;
}

/** The organization's credentials that may send: of one provider, or of all. */
export async function usableCredentials(
  scope: Scope,
  db: Queryable,
  { organizationId, provider, sandbox }: { organizationId: string; provider?: string; sandbox: boolean },
): Promise<CredentialRow[]> {
  return db
    .select()
    .from(credentials)
    .where(
      and(
        eq(credentials.organizationId, organizationId),
        inScope(scope, credentials.organizationId),
        provider === undefined ? undefined : eq(credentials.provider, provider),
        eq(credentials.sandbox, sandbox),
        isNull(credentials.revokedAt),
      ),
    );
}

/** One page of an organization's credentials by creation time, revoked ones included. */
export async function credentialPage(
  scope: Scope,
  db: Queryable,
  organizationId: string,
  page: CreationPage,
): Promise<CredentialRow[]> {
  return db
    .select()
    .from(credentials)
    .where(
      and(
        eq(credentials.organizationId, organizationId),
        inScope(scope, credentials.organizationId),
        beyondCursor(credentials, page),
      ),
    )
    .orderBy(byCreation(credentials, page))
    .limit(page.limit);
}

/** How many credentials an organization has, revoked ones included. */
export async function countCredentials(scope: Scope, db: Queryable, organizationId: string): Promise<number> {
  return db.$count(
    credentials,
    and(eq(credentials.organizationId, organizationId), inScope(scope, credentials.organizationId)),
  );
}

/** Revokes the credential, and forgets its secret with `forget`; null where the scope has none with this id. */
export async function revokeCredential(
  scope: Scope,
  tx: Queryable,
  id: string,
  { now, forget }: { readonly now: Date; readonly forget: boolean },
): Promise<CredentialRow | null> {
  const [row] = await tx
    .update(credentials)
    .set({
      revokedAt: sql`coalesce(${credentials.revokedAt}, ${now.toISOString()}::timestamptz)`,
      ...(forget ? { sealed: null } : {}),
    })
    .where(named(scope, id))
    .returning();
  return row ?? null;
}

/** Lets `by` take the place of the credential, and of all whose place that one had taken. */
export async function replaceCredential(
  scope: Scope,
  tx: Queryable,
  id: string,
  { by, now }: { readonly by: string; readonly now: Date },
): Promise<void> {
  await tx
    .update(credentials)
    .set({
      replacedBy: by,
      revokedAt: sql`coalesce(${credentials.revokedAt}, ${now.toISOString()}::timestamptz)`,
    })
    .where(
      and(
        or(eq(credentials.id, id), eq(credentials.replacedBy, id)),
        inScope(scope, credentials.organizationId),
      ),
    );
}

/** Notes that the credential was taken by its provider, unless that was noted since `before` and nothing stands against it. */
export async function noteCredentialUse(
  scope: Scope,
  db: Queryable,
  id: string,
  { now, before }: { readonly now: Date; readonly before: Date },
): Promise<void> {
  await db
    .update(credentials)
    .set({ lastUsedAt: now, failingSince: null, failure: null })
    .where(
      and(
        eq(credentials.id, id),
        or(
          isNull(credentials.lastUsedAt),
          lt(credentials.lastUsedAt, before),
          isNotNull(credentials.failingSince),
        ),
        inScope(scope, credentials.organizationId),
      ),
    );
}

/** Notes that the provider refuses the credential, since now where it was not known before. */
export async function noteCredentialFailure(
  scope: Scope,
  db: Queryable,
  id: string,
  { now, failure }: { readonly now: Date; readonly failure: string },
): Promise<void> {
  await db
    .update(credentials)
    .set({
      failingSince: sql`coalesce(${credentials.failingSince}, ${now.toISOString()}::timestamptz)`,
      failure,
    })
    .where(named(scope, id));
}

/** The credentials whose account was told this path, as far as they can still be opened, the oldest first. */
export async function credentialsCalled(
  _worker: WorkerScope,
  db: Queryable,
  { provider, token }: { readonly provider: string; readonly token: string },
): Promise<CredentialRow[]> {
  return db
    .select()
    .from(credentials)
    .where(
      and(
        eq(credentials.provider, provider),
        eq(credentials.callbackToken, token),
        isNotNull(credentials.sealed),
      ),
    )
    .orderBy(credentials.createdAt, credentials.id);
}

/** Forgets the secrets of revoked credentials that no job needs any more; answers how many. */
export async function forgetUnneededSecrets(_worker: WorkerScope, db: Queryable): Promise<number> {
  const { rows } = await db.execute(sql`
    update ${credentials} as c set sealed = null
    where c.revoked_at is not null and c.sealed is not null and not exists (
      select 1 from ${credentials} as o
      join jobs as j on j.credential_id = o.id and not j.collected
        and (j.intent_at is not null or j.provider_job_id is not null)
      where o.id = c.id or o.replaced_by = c.id)
      and not exists (select 1 from jobs as j where j.credential_id = c.id and j.provider_files = 'DELETING')
    returning c.id`);
  return rows.length;
}

/** A secret as it is kept, and whose. */
export type SealedRow = Pick<CredentialRow, 'id' | 'organizationId' | 'provider' | 'sealedBy'> & {
  readonly sealed: Buffer;
};

/** The next secrets, by id, that another key than `sealedBy` encrypted. */
export async function secretsSealedOtherwise(
  _worker: WorkerScope,
  db: Queryable,
  {
    sealedBy,
    after,
    limit,
  }: { readonly sealedBy: string; readonly after: string | null; readonly limit: number },
): Promise<SealedRow[]> {
  const rows = await db
    .select()
    .from(credentials)
    .where(
      and(
        isNotNull(credentials.sealed),
        sql`${credentials.sealedBy} <> ${sealedBy}`,
        after === null ? undefined : sql`${credentials.id} > ${after}::uuid`,
      ),
    )
    .orderBy(credentials.id)
    .limit(limit);
  return rows.flatMap(({ sealed, ...row }) => (sealed === null ? [] : [{ ...row, sealed }]));
}

/** How many secrets other keys than `sealedBy` encrypted. */
export const countSealedOtherwise = (
  _worker: WorkerScope,
  db: Queryable,
  sealedBy: string,
): Promise<number> =>
  db.$count(credentials, and(isNotNull(credentials.sealed), sql`${credentials.sealedBy} <> ${sealedBy}`));

/** Puts the secret as another key encrypted it in place of the one that was read; false where it changed meanwhile. */
export async function resealCredential(
  _worker: WorkerScope,
  db: Queryable,
  { id, sealedBy: before }: SealedRow,
  { sealed, sealedBy }: Pick<SealedRow, 'sealed' | 'sealedBy'>,
): Promise<boolean> {
  const rows = await db
    .update(credentials)
    .set({ sealed, sealedBy })
    .where(and(eq(credentials.id, id), eq(credentials.sealedBy, before), isNotNull(credentials.sealed)))
    .returning({ id: credentials.id });
  return rows.length === 1;
}
