/**
 * Stores a chunk of an upload: its rows and how far the file has come, in one transaction under the upload's lease.
 * Where custom ids are there already, the rows that have them are found and left out, so that every such line is told.
 */
import type { Queryable } from '../db/client.ts';
import { DatabaseError } from '../db/errors.ts';
import { findBatch } from '../db/queries/batches.ts';
import { copyItems } from '../db/queries/item-copy.ts';
import { positionsOfCustomIds } from '../db/queries/items.ts';
import { isKeyRevoked, noteProgress, notifyUpload, type UploadProgress } from '../db/queries/uploads.ts';
import type { UploadRow } from '../db/tables/uploads.ts';
import type { Quotas } from '../domain/quota.ts';
import { type OrganizationScope, workerScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';
import type { RunningEstimate } from './running-estimate.ts';
import { UploadBroken } from './upload-broken.ts';
import type { UploadChunk, UploadReading } from './upload-reading.ts';

/** An upload that is being received. */
export interface OpenUpload {
  readonly scope: OrganizationScope;
  /** Its row as it was when it began. */
  readonly upload: UploadRow;
  readonly reading: UploadReading;
  readonly estimate: RunningEstimate;
  /** The name of the provider that its requests are for. */
  readonly provider: string;
  /** What its organization may have. */
  readonly quotas: Quotas;
  /** How many bytes came, unzipped. */
  readonly plainBytes: () => number;
  readonly progress: () => UploadProgress;
}

/** Under which id its rows stand: the batch's, or its own where none is to have them. */
export const holderOf = ({ id, batchId, dryRun }: UploadRow): string => (dryRun ? id : (batchId ?? id));

/** Stores the rows that can be. Throws `UploadBroken` where the upload is not ours any more, or its batch is closed. */
export async function storeChunk(services: Services, open: OpenUpload, chunk: UploadChunk): Promise<void> {
  const { db } = services;
  const { scope, upload } = open;
  const { batchId } = upload;
  // A unique key sees a duplicate only where both stand under the same id.
  let left = upload.dryRun && batchId !== null ? await withoutTaken(services, open, chunk, batchId) : chunk;
  for (;;) {
    try {
      return await db.transaction(async (tx) => {
        await copyItems(scope, tx, left.rows);
        await holdOn(services, tx, open);
      });
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.code !== uniqueViolation) throw error;
      const less = await withoutTaken(services, open, left, holderOf(upload));
      // A key that was broken by nothing that can be found is no caller's doing.
      if (less.rows.count === left.rows.count) throw error;
      left = less;
    }
  }
}

/** Writes how far the file has come and keeps the lease. Throws `UploadBroken` where it is lost, the batch closed or the key revoked. */
export async function holdOn(
  { settings }: Pick<Services, 'settings'>,
  q: Queryable,
  { scope, upload, progress }: OpenUpload,
): Promise<void> {
  const { leaseSeconds, notifies } = settings;
  if (await noteProgress(scope, q, upload, progress(), leaseSeconds)) {
    if (notifies) await notifyUpload(scope, q, upload.id);
    return;
  }
  if (await isKeyRevoked(workerScope, q, upload.createdBy)) throw new UploadBroken('KEY_REVOKED');
  const batch = upload.batchId === null ? null : await findBatch(scope, q, upload.batchId);
  const isClosed = !upload.dryRun && (batch === null || batch.closedAt !== null);
  throw new UploadBroken(isClosed ? 'BATCH_CLOSED' : 'LOST');
}

const uniqueViolation = '23505';

/** The rows whose custom ids `holder` has not yet; the others are told. */
async function withoutTaken(
  { db }: Pick<Services, 'db'>,
  { reading }: OpenUpload,
  { rows, lineOfId }: UploadChunk,
  holder: string,
): Promise<UploadChunk> {
  const ids = [...lineOfId.keys()];
  const taken = await db.read((q) => positionsOfCustomIds(workerScope, q, { batchId: holder }, ids));
  const refused = new Map<number, number>();
  const places = new Set<number>();
  const kept = new Map<string, number>();
  for (const [place, [customId, line]] of [...lineOfId].entries()) {
    const position = taken.get(customId);
    if (position === undefined) kept.set(customId, line);
    else {
      refused.set(line, position);
      places.add(place);
    }
  }
  reading.refuse(refused);
  return { rows: rows.without(places), lineOfId: kept };
}
