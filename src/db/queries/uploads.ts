/**
 * Statements on uploads. Whoever receives one holds its row by a lease on the database's clock, as a worker holds a
 * job's, and everything it writes is guarded by the lease's epoch.
 */
import { and, desc, eq, gt, inArray, isNotNull, isNull, lt, ne, or, type SQL, sql } from 'drizzle-orm';
import type { AccessScope, Scope, WorkerScope } from '../../domain/scope.ts';
import type { Queryable } from '../client.ts';
import { batches } from '../tables/batches.ts';
import { apiKeys } from '../tables/organizations.ts';
import { type UploadRow, uploads } from '../tables/uploads.ts';
import { eventChannel, uploadWord } from './events.ts';
import { inScope, owned } from './scope.ts';

/** A new row; everything that starts empty may be left out. */
export type NewUpload = typeof uploads.$inferInsert;

/** Adds an upload. */
export async function insertUpload(scope: Scope, tx: Queryable, row: NewUpload): Promise<UploadRow> {
  const [made] = await tx.insert(uploads).values(owned(scope, row)).returning();
  if (made === undefined) throw new Error('an inserted row is returned');
  return made;
}

/** The uploads with these ids that the scope has, in no order. */
export async function findUploads(scope: Scope, db: Queryable, ids: readonly string[]): Promise<UploadRow[]> {
  return db
    .select()
    .from(uploads)
    .where(and(inArray(uploads.id, [...ids]), inScope(scope, uploads.organizationId)));
}

/** The newest upload of each of these batches that has one. */
export async function newestUploads(
  scope: Scope,
  db: Queryable,
  batchIds: readonly string[],
): Promise<UploadRow[]> {
  return db
    .selectDistinctOn([uploads.batchId])
    .from(uploads)
    .where(and(inArray(uploads.batchId, [...batchIds]), inScope(scope, uploads.organizationId)))
    .orderBy(uploads.batchId, desc(uploads.createdAt), desc(uploads.id));
}

/** Whose a URL is: the upload, and the rights of the key that asked for it. */
export interface AdmittedUpload {
  readonly upload: UploadRow;
  readonly access: AccessScope;
}

/** The upload that a URL is for; null where there is none, its time is over, or the key that asked for it is. */
export async function findUploadBySecret(
  _worker: WorkerScope,
  db: Queryable,
  wanted: { readonly id: string; readonly secretHash: Buffer; readonly now: Date },
): Promise<AdmittedUpload | null> {
  const [row] = await db
    .select({ upload: uploads, access: sql<AccessScope>`${apiKeys.scope}` })
    .from(uploads)
    .innerJoin(apiKeys, eq(apiKeys.id, uploads.createdBy))
    .where(
      and(
        eq(uploads.id, wanted.id),
        eq(uploads.secretHash, wanted.secretHash),
        gt(uploads.expiresAt, wanted.now),
        isNull(apiKeys.revokedAt),
        or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, wanted.now)),
      ),
    );
  return row ?? null;
}

/** Gives an upload another URL; the one before it is worth nothing from then on. */
export async function renewSecret(
  scope: Scope,
  db: Queryable,
  id: string,
  secretHash: Buffer,
): Promise<UploadRow | null> {
  const [row] = await db
    .update(uploads)
    .set({ secretHash })
    .where(and(eq(uploads.id, id), inScope(scope, uploads.organizationId)))
    .returning();
  return row ?? null;
}

/** The upload, its row locked until the transaction ends, and whether somebody holds it. */
export async function lockUpload(
  scope: Scope,
  tx: Queryable,
  id: string,
): Promise<{ readonly upload: UploadRow; readonly isHeld: boolean } | null> {
  const [row] = await tx
    .select({ upload: uploads, isHeld })
    .from(uploads)
    .where(and(eq(uploads.id, id), inScope(scope, uploads.organizationId)))
    .for('no key update');
  return row ?? null;
}

const isHeld = sql<boolean>`(${uploads.status} = 'RECEIVING' and ${uploads.leaseUntil} >= clock_timestamp())`;

const inSeconds = (seconds: number) => sql`clock_timestamp() + make_interval(secs => ${seconds})`;

/** How far a file has come. */
export type UploadProgress = Pick<UploadRow, 'bytes' | 'lines' | 'requests' | 'issues' | 'issueCount'>;

/** Begins to receive a locked upload, anew where it was received before. */
export async function beginUpload(
  scope: Scope,
  tx: Queryable,
  id: string,
  begin: Pick<UploadRow, 'firstPosition' | 'startedAt' | 'bytesExpected'> & { readonly leaseSeconds: number },
): Promise<UploadRow> {
  const { leaseSeconds, ...columns } = begin;
  const row = await change(scope, tx, eq(uploads.id, id), {
    ...columns,
    status: 'RECEIVING',
    bytes: 0,
    lines: 0,
    requests: 0,
    issues: [],
    issueCount: 0,
    errorCode: null,
    errorMessage: null,
    finishedAt: null,
    leaseUntil: inSeconds(leaseSeconds),
    leaseEpoch: sql`${uploads.leaseEpoch} + 1`,
  });
  if (row === null) throw new Error('a locked upload cannot be missing');
  return row;
}

/** Whether the key that asked for an upload was revoked. */
export async function isKeyRevoked(_worker: WorkerScope, db: Queryable, id: string): Promise<boolean> {
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.id, id), isNotNull(apiKeys.revokedAt)));
  return rows.length > 0;
}

/**
 * Writes how far it is and prolongs the lease; false where it is lost, its batch takes nothing any more, or the key that
 * asked for it was revoked.
 */
export async function noteProgress(
  scope: Scope,
  db: Queryable,
  { id, leaseEpoch }: UploadRow,
  progress: UploadProgress,
  leaseSeconds: number,
): Promise<boolean> {
  const isOpen = sql`(${uploads.dryRun} or exists (select 1 from ${batches}
    where ${batches.id} = ${uploads.batchId} and ${batches.closedAt} is null))`;
  const held = and(
    eq(uploads.id, id),
    eq(uploads.leaseEpoch, leaseEpoch),
    eq(uploads.status, 'RECEIVING'),
    isOpen,
    sql`not exists (select 1 from ${apiKeys} where ${apiKeys.id} = ${uploads.createdBy} and ${apiKeys.revokedAt} is not null)`,
  );
  return (await change(scope, db, held, { ...progress, leaseUntil: inSeconds(leaseSeconds) })) !== null;
}

/** Ends a held upload; null where it is not held any more. */
export async function endUpload(
  scope: Scope,
  tx: Queryable,
  { id, leaseEpoch }: UploadRow,
  end: Partial<Omit<NewUpload, 'id' | 'organizationId'>>,
): Promise<UploadRow | null> {
  const held = and(eq(uploads.id, id), eq(uploads.leaseEpoch, leaseEpoch), eq(uploads.status, 'RECEIVING'));
  return change(scope, tx, held, { ...end, leaseUntil: null });
}

/** Says that nothing of a failed upload is left. */
export async function clearUpload(scope: Scope, tx: Queryable, id: string): Promise<void> {
  await change(scope, tx, and(eq(uploads.id, id), ne(uploads.status, 'RECEIVING')), { firstPosition: null });
}

/** Whether a file is on its way into the batch, or what came of one is still being removed. */
export async function hasOpenUpload(scope: Scope, db: Queryable, batchId: string): Promise<boolean> {
  const rows = await db
    .select({ id: uploads.id })
    .from(uploads)
    .where(
      and(
        eq(uploads.batchId, batchId),
        eq(uploads.dryRun, false),
        isNotNull(uploads.firstPosition),
        inScope(scope, uploads.organizationId),
      ),
    );
  return rows.length > 0;
}

/** The ids of uploads of which something is left that nobody is working on. */
export async function uploadsAbandoned(
  _worker: WorkerScope,
  db: Queryable,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .select({ id: uploads.id })
    .from(uploads)
    .where(and(isNotNull(uploads.firstPosition), sql`not ${isHeld}`))
    .limit(limit);
  return rows.map(({ id }) => id);
}

/** Removes the uploads of a batch. Whoever receives one finds it gone. */
export async function deleteUploads(scope: Scope, tx: Queryable, batchId: string): Promise<void> {
  await tx.delete(uploads).where(and(eq(uploads.batchId, batchId), inScope(scope, uploads.organizationId)));
}

/** Removes uploads made before a moment of which nothing is left. */
export async function deleteUploadsBefore(
  _worker: WorkerScope,
  db: Queryable,
  before: Date,
  limit: number,
): Promise<number> {
  const old = db
    .select({ id: uploads.id })
    .from(uploads)
    .where(and(lt(uploads.createdAt, before), lt(uploads.expiresAt, before), isNull(uploads.firstPosition)))
    .limit(limit);
  const rows = await db.delete(uploads).where(inArray(uploads.id, old)).returning({ id: uploads.id });
  return rows.length;
}

/** Tells those who follow the upload, at the commit, that it moved. */
export async function notifyUpload(_scope: Scope, db: Queryable, id: string): Promise<void> {
  await db.execute(sql`select pg_notify(${eventChannel}, ${`${uploadWord} ${id}`})`);
}

type UploadPatch = { [Column in keyof NewUpload]?: NewUpload[Column] | SQL };

async function change(
  scope: Scope,
  db: Queryable,
  which: SQL | undefined,
  patch: UploadPatch,
): Promise<UploadRow | null> {
  const [row] = await db
    .update(uploads)
    .set({ ...patch, version: sql`${uploads.version} + 1` })
    .where(and(which, inScope(scope, uploads.organizationId)))
    .returning();
  return row ?? null;
}
