/**
 * Takes the file that comes through an upload's URL: reads it as it comes, stores it chunk by chunk where nobody looks,
 * and puts all of it into the batch in one short transaction at the end; or nothing. While a chunk is stored the next is
 * read, and while both are full the sender waits. Between chunks no transaction and no connection is held, however slow
 * the sender. What becomes of an upload that ends otherwise is left to `upload-end.ts`.
 */
import { createHash } from 'node:crypto';
import { reachFor } from '../credentials/reach.ts';
import { DatabaseError } from '../db/errors.ts';
import { findBatch, lockBatch } from '../db/queries/batches.ts';
import { ItemRows } from '../db/queries/item-copy.ts';
import { type AdmittedUpload, beginUpload, findUploadBySecret, lockUpload } from '../db/queries/uploads.ts';
import type { UploadRow } from '../db/tables/uploads.ts';
import { LineSplitter } from '../domain/line-splitting.ts';
import { type OrganizationScope, scopeOf, workerScope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import type { BatchDefaults } from './accept.ts';
import { knownProviders, refuseClosed } from './add-requests.ts';
import { knownProvider } from './new-batch.ts';
import { quotasOf } from './quotas.ts';
import { openEstimate } from './running-estimate.ts';
import { type ReceivedFile, receiveFile, type SentFile } from './upload-body.ts';
import { UploadBroken } from './upload-broken.ts';
import { completeUpload, discardUpload, failUpload } from './upload-end.ts';
import { refuseTooLarge } from './upload-quotas.ts';
import { UploadReading } from './upload-reading.ts';
import { holderOf, holdOn, type OpenUpload, storeChunk } from './upload-storing.ts';

/** What a URL says: which upload, and that whoever has it may send its file. */
export interface UploadTicket {
  readonly id: string;
  readonly secret: string;
}

/** What is kept of the secret in a URL: its SHA-256. It is long and random, so nothing slower is needed. */
export const hashOfSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** The upload that a ticket is for, with the rights of the key that asked for it; null where it is worth nothing. */
export const admitUpload = (
  { db, clock }: Pick<Services, 'db' | 'clock'>,
  { id, secret }: UploadTicket,
): Promise<AdmittedUpload | null> => {
  const wanted = { id, secretHash: hashOfSecret(secret), now: clock.now() };
  return db.read((q) => findUploadBySecret(workerScope, q, wanted));
};

/**
 * The upload as it is once the file was taken, or was refused: then it is `FAILED` and says why. One that was completed
 * before is answered as it is, and nothing is read. Throws `NotFoundError` where the upload or its batch is gone,
 * `BatchStateError` for a batch that is closed, `ProviderNotConfiguredError`, and `UploadBroken` while another file is on
 * its way or where the upload is gone.
 */
export async function takeUpload(
  services: Services,
  { upload, access }: AdmittedUpload,
  file: SentFile,
): Promise<UploadRow> {
  if (upload.status === 'COMPLETED') return upload;
  const { organizationId, createdBy: apiKeyId } = upload;
  const scope = scopeOf({ organizationId, apiKeyId, access, grant: null });
  const defaults = await defaultsOf(services, scope, upload);
  // What a file before left behind, where nobody is at work on it.
  await discardUpload(services, upload.id);
  const begun = await begin(services, scope, upload, file);
  return begun.status === 'COMPLETED' ? begun : receive(services, scope, begun, defaults, file);
}

/** What requests of the upload have in common, by its batch or by what it is a draft of. */
async function defaultsOf(
  services: Services,
  scope: OrganizationScope,
  { batchId, draft, dryRun }: UploadRow,
): Promise<BatchDefaults> {
  const batch = batchId === null ? null : await services.db.read((q) => findBatch(scope, q, batchId));
  const made = batch ?? draft;
  if (made === null) throw new NotFoundError('batch', batchId ?? '');
  const { provider } =
    dryRun || batch === null
      ? knownProvider(services, made.provider)
      : await services.db.read((q) => reachFor(services, q, batch, 'SEND'));
  return { provider, known: knownProviders(services), endpoint: made.endpoint, model: made.model };
}

async function begin(
  { db, clock, settings }: Services,
  scope: OrganizationScope,
  { id, batchId, dryRun }: UploadRow,
  { bytesExpected }: SentFile,
): Promise<UploadRow> {
  const { leaseSeconds } = settings;
  try {
    return await db.transaction(async (tx) => {
      const find = dryRun ? findBatch : lockBatch;
      const batch = batchId === null ? null : await find(scope, tx, batchId);
      if (batchId !== null && batch === null) throw new NotFoundError('batch', batchId);
      if (batch !== null) refuseClosed(batch);
      const locked = await lockUpload(scope, tx, id);
      if (locked === null) throw new NotFoundError('upload', id);
      if (locked.upload.status === 'COMPLETED') return locked.upload;
      if (locked.isHeld || locked.upload.firstPosition !== null) throw new UploadBroken('BUSY');
      const place = { firstPosition: batch?.total ?? 0, startedAt: clock.now() };
      return beginUpload(scope, tx, id, { ...place, bytesExpected, leaseSeconds });
    });
  } catch (error) {
    const isTaken = error instanceof DatabaseError && error.constraint === 'uploads_open';
    throw isTaken ? new UploadBroken('BUSY') : error;
  }
}

async function receive(
  services: Services,
  scope: OrganizationScope,
  upload: UploadRow,
  defaults: BatchDefaults,
  file: SentFile,
): Promise<UploadRow> {
  const { settings, clock, db } = services;
  const { quotas } = await db.read((q) => quotasOf(services, scope, q, upload.organizationId));
  const stop = new AbortController();
  const received = receiveFile(file, settings.uploadStallSeconds, stop.signal);
  const lineBytesMax = settings.bodyBytesMax;
  const at = clock.now();
  const estimate = openEstimate(services, defaults.provider.name, at);
  const firstPosition = upload.firstPosition ?? 0;
  const newRows = () => new ItemRows({ id: holderOf(upload), at });
  const reading = new UploadReading({ defaults, firstPosition, lineBytesMax, newRows, estimate });
  const splitter = new LineSplitter(lineBytesMax);
  const progress = () => ({
    bytes: received.bytes(),
    lines: splitter.lines,
    requests: reading.requests,
    issues: reading.issues.first,
    issueCount: reading.issues.count,
  });
  const open: OpenUpload = {
    scope,
    upload,
    provider: defaults.provider.name,
    quotas,
    reading,
    estimate,
    progress,
    plainBytes: () => splitter.bytes,
  };
  const sign = () =>
    db
      .read((q) => holdOn(services, q, open))
      // Of a database that is away the next chunk will tell.
      .catch((error: unknown) => (error instanceof UploadBroken ? stop.abort(error) : undefined));
  const signs = setInterval(sign, (settings.leaseSeconds * 1000) / signsPerLease);
  try {
    await readAndStore(services, open, splitter, received);
    reading.end();
    if (!upload.dryRun && reading.issues.count > 0) throw new UploadBroken('INVALID');
    clearInterval(signs);
    return await completeUpload(services, open);
  } catch (error) {
    // After a fault of ours the sweep finds the upload by its lease.
    if (!(error instanceof UploadBroken)) throw error;
    return await failUpload(services, open, error);
  } finally {
    clearInterval(signs);
  }
}

const signsPerLease = 3;

async function readAndStore(
  services: Services,
  open: OpenUpload,
  splitter: LineSplitter,
  { pieces }: ReceivedFile,
): Promise<void> {
  const { reading } = open;
  let storing: Promise<void> = Promise.resolve();
  const store = async () => {
    await storing;
    const chunk = reading.cut();
    storing = storeChunk(services, open, chunk).then(() => reading.reuse(chunk));
    // It is waited for before the next; until then nobody else hears of a failure.
    storing.catch(() => undefined);
  };
  try {
    for await (const piece of pieces) {
      for (const line of splitter.push(piece)) reading.take(line);
      refuseTooLarge(open);
      if (reading.isFull) await store();
    }
    for (const line of splitter.end()) reading.take(line);
    refuseTooLarge(open);
    await store();
  } finally {
    await storing;
  }
}
