/**
 * `createUpload`: makes a URL through which one file of requests comes, into an open batch or a new one, or to be checked
 * and thrown away. Its secret is shown once and kept as a hash; a call that is made again gets another one for the same
 * upload, and the one before it is worth nothing.
 */
import { randomBytes } from 'node:crypto';
import { reachFor } from '../credentials/reach.ts';
import type { Queryable } from '../db/client.ts';
import { findBatch } from '../db/queries/batches.ts';
import { insertUpload, renewSecret } from '../db/queries/uploads.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { UploadDraft, UploadRow } from '../db/tables/uploads.ts';
import type { CreateUploadInput } from '../domain/batch-input.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import { newId, type Services } from '../services.ts';
import { refuseClosed } from './add-requests.ts';
import { callOnce } from './idempotency.ts';
import { draftBatch, insertNewBatch, knownProvider, readDraft } from './new-batch.ts';
import { quotasOf, refuseHoldings, refuseSize } from './quotas.ts';
import { hashOfSecret } from './upload.ts';

/** An upload and what its URL ends in. */
export interface CreatedUpload {
  readonly upload: UploadRow;
  /** The path of its URL, secret included. */
  readonly path: string;
  /** The batch that its requests go to; null where none is to be made. */
  readonly batch: BatchRow | null;
  readonly replayed: boolean;
}

/**
 * The new upload. Throws `ValidationError` for bad fields of a new batch, `NotFoundError`, `BatchStateError` where the
 * batch is closed, `QuotaExceededError`, `ProviderNotConfiguredError` where the provider has no credentials here and the requests are to be
 * kept, and what `callOnce` throws.
 */
export async function createUpload(
  services: Services,
  scope: OrganizationScope,
  { idempotencyKey: key, dryRun, ...input }: CreateUploadInput,
): Promise<CreatedUpload> {
  const secret = randomBytes(24).toString('base64url');
  const making: Making = { id: newId(services.clock), secret, submits: input.submit, dryRun };
  const linked = (upload: UploadRow) => ({ upload, path: `/uploads/${upload.id}/${secret}` });
  if (dryRun) {
    const { batch, draft } = await checkedFor(services, scope, input);
    const row = { batchId: batch?.id ?? null, draft };
    const upload = await services.db.transaction((tx) => make(services, scope, tx, making, row));
    return { ...linked(upload), batch, replayed: false };
  }
  const { batchId: existing, batch: fields } = input;
  const batchId = existing ?? newId(services.clock);
  let made: UploadRow | null = null;
  const call = { verb: 'createUpload', key, input, batchId };
  const called = await callOnce(services, scope, call, async (q) => {
    const draft = fields ? await draftBatch(services, scope, q, fields) : null;
    const { quotas } = await quotasOf(services, scope, q, scope.organizationId);
    if (draft !== null) {
      refuseSize(quotas, { provider: draft.row.provider, requests: 0, bytes: 0, before: 0 });
    }
    if (draft === null) await reachFor(services, q, await openBatch(scope, q, batchId), 'SEND');
    return async (tx) => {
      if (draft !== null) await insertNewBatch(services, scope, tx, batchId, draft);
      const batch = await openBatch(scope, tx, batchId);
      made = await make(services, scope, tx, making, { batchId, draft: null });
      const added = { provider: batch.provider, batches: draft === null ? 0 : 1, waiting: 0 };
      await refuseHoldings(scope, tx, quotas, added);
      return { batch, answer: { upload: making.id } };
    };
  });
  const { batch, answer, replayed } = called;
  const upload = made ?? (await renewed(services, scope, String(answer['upload']), secret));
  return { ...linked(upload), batch, replayed };
}

interface Making {
  readonly id: string;
  readonly secret: string;
  readonly submits: boolean;
  readonly dryRun: boolean;
}

async function make(
  { clock, settings }: Pick<Services, 'clock' | 'settings'>,
  scope: OrganizationScope,
  tx: Queryable,
  { id, secret, submits, dryRun }: Making,
  row: Pick<UploadRow, 'batchId' | 'draft'>,
): Promise<UploadRow> {
  const createdAt = clock.now();
  return insertUpload(scope, tx, {
    ...row,
    id,
    submits,
    dryRun,
    organizationId: scope.organizationId,
    createdBy: scope.apiKeyId,
    secretHash: hashOfSecret(secret),
    status: 'WAITING',
    createdAt,
    expiresAt: new Date(createdAt.getTime() + settings.uploadHours * 3_600_000),
  });
}

async function renewed(
  { db }: Pick<Services, 'db'>,
  scope: OrganizationScope,
  id: string,
  secret: string,
): Promise<UploadRow> {
  const upload = await db.read((q) => renewSecret(scope, q, id, hashOfSecret(secret)));
  if (upload === null) throw new NotFoundError('upload', id);
  return upload;
}

/** What a file is checked for. Nothing need be configured for that. */
async function checkedFor(
  services: Services,
  scope: OrganizationScope,
  { batchId, batch: fields }: Pick<CreateUploadInput, 'batchId' | 'batch'>,
): Promise<{ batch: BatchRow | null; draft: UploadDraft | null }> {
  if (!fields)
    return { batch: await services.db.read((q) => openBatch(scope, q, batchId ?? '')), draft: null };
  const entry = knownProvider(services, fields.provider);
  const credentialId = fields.credentialId ?? null;
  const { row } = readDraft(services, { entry, credentialId }, fields);
  const { provider, endpoint, model = null } = row;
  return { batch: null, draft: { provider, endpoint, model, credentialId } };
}

async function openBatch(scope: OrganizationScope, q: Queryable, batchId: string): Promise<BatchRow> {
  const batch = await findBatch(scope, q, batchId);
  if (batch === null) throw new NotFoundError('batch', batchId);
  refuseClosed(batch);
  return batch;
}
