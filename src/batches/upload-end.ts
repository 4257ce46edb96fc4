/**
 * How an upload ends. Completed: in one short transaction the batch's total rises over its rows, with the counts, the
 * event and the end of the upload. Failed, or left by a process that died: its rows are removed piece by piece, and only
 * then may another file come. Whether the batch closes is left to its rule, which is asked once the upload is over.
 */
import type { Queryable } from '../db/client.ts';
import { deleteLastItems } from '../db/queries/items.ts';
import { clearUpload, endUpload, lockUpload, notifyUpload } from '../db/queries/uploads.ts';
import type { UploadRow } from '../db/tables/uploads.ts';
import { closesAt, shouldClose } from '../domain/accumulation.ts';
import { workerScope } from '../domain/scope.ts';
import { NotFoundError } from '../errors.ts';
import type { Services } from '../services.ts';
import { ruleOf } from './close.ts';
import { closeDueBatch } from './close-due.ts';
import { transition } from './transition.ts';
import { UploadBroken } from './upload-broken.ts';
import { checkUpload } from './upload-check.ts';
import { refuseTooMany } from './upload-quotas.ts';
import { holderOf, type OpenUpload } from './upload-storing.ts';

/** Ends an upload whose file is stored whole. Throws `UploadBroken` where it is lost or the batch is closed. */
export async function completeUpload(services: Services, open: OpenUpload): Promise<UploadRow> {
  const { upload } = open;
  if (!upload.dryRun) return appendUpload(services, open, upload.batchId ?? '');
  const findings = await checkUpload(services, open);
  const ended = await end(services, open, { status: 'COMPLETED', findings });
  await discardUpload(services, upload.id);
  return { ...ended, firstPosition: null };
}

async function appendUpload(services: Services, open: OpenUpload, batchId: string): Promise<UploadRow> {
  const { scope, upload, reading, estimate } = open;
  let ended: UploadRow | null = null;
  try {
    await services.db.transaction(async (tx) => {
      await transition(services, scope, tx, batchId, async ({ batch, now }) => {
        if (batch.closedAt !== null) throw new UploadBroken('BATCH_CLOSED');
        ended = await end(services, open, { status: 'COMPLETED', firstPosition: null }, tx);
        const firstRequestAt = batch.firstRequestAt ?? now;
        const added = { requests: reading.requests, bytes: reading.bytes };
        const rule = upload.submits ? ({ kind: 'NOW' } as const) : ruleOf(batch);
        const filled = {
          requests: batch.total + added.requests,
          bytes: batch.bytes + added.bytes,
          firstRequestAt,
        };
        return {
          event: 'REQUESTS_ADDED',
          data: { requests: added.requests, upload: upload.id },
          batch: {
            firstRequestAt,
            // Closing reads every request, which is too long for this transaction; if we die, the sweep does it.
            dueAt: shouldClose(rule, filled, now) ? now : closesAt(rule, firstRequestAt),
            ...(upload.submits ? { submitMode: rule.kind } : {}),
          },
          added: { ...added, estimate: estimate.cost() },
        };
      });
      await refuseTooMany(open, tx);
    });
  } catch (error) {
    throw error instanceof NotFoundError ? new UploadBroken('BATCH_CLOSED') : error;
  }
  if (ended === null) throw new UploadBroken('LOST');
  await closeDueBatch(services, batchId).catch((error: unknown) =>
    services.log.error({ batchId, err: error }, 'a batch could not be closed; the sweep will try again'),
  );
  return ended;
}

/**
 * Ends an upload that cannot be taken, and removes what came of it. Throws the reason where the upload is not ours any
 * more, so that nothing could be written of it.
 */
export async function failUpload(
  services: Services,
  open: OpenUpload,
  broken: UploadBroken,
): Promise<UploadRow> {
  const { reason, message } = broken;
  if (reason === 'BUSY') throw broken;
  const failed = { status: 'FAILED', errorCode: reason, errorMessage: message } as const;
  const ended = await end(services, open, failed).catch((error: unknown) => {
    throw error instanceof UploadBroken ? broken : error;
  });
  await discardUpload(services, ended.id);
  return { ...ended, firstPosition: null };
}

/** Removes what is left of an upload that has ended, or that whoever received it has left; else does nothing. */
export async function discardUpload(services: Services, id: string): Promise<void> {
  let removed: number;
  do removed = await services.db.transaction((tx) => discardSome(services, tx, id));
  while (removed === rowsPerRound);
}

const rowsPerRound = 20_000;

async function discardSome({ clock, settings }: Services, tx: Queryable, id: string): Promise<number> {
  const locked = await lockUpload(workerScope, tx, id);
  if (locked === null || locked.isHeld) return 0;
  const { upload } = locked;
  const { firstPosition } = upload;
  if (firstPosition === null) return 0;
  const { message } = new UploadBroken('LOST');
  const failed = { status: 'FAILED', errorCode: 'LOST', errorMessage: message } as const;
  if (upload.status === 'RECEIVING') {
    await endUpload(workerScope, tx, upload, { ...failed, finishedAt: clock.now() });
  }
  // Locked row by row of an upload, so that no other file begins between two rounds.
  const from = upload.dryRun ? 0 : firstPosition;
  const removed = await deleteLastItems(workerScope, tx, holderOf(upload), { from, limit: rowsPerRound });
  if (removed < rowsPerRound) await clearUpload(workerScope, tx, id);
  if (settings.notifies) await notifyUpload(workerScope, tx, id);
  return removed;
}

async function end(
  { db, clock, settings }: Services,
  { scope, upload, progress }: OpenUpload,
  how: Parameters<typeof endUpload>[3],
  within: Queryable | null = null,
): Promise<UploadRow> {
  const write = async (q: Queryable) => {
    const ended = await endUpload(scope, q, upload, { ...progress(), finishedAt: clock.now(), ...how });
    if (ended === null) throw new UploadBroken('LOST');
    if (settings.notifies) await notifyUpload(scope, q, upload.id);
    return ended;
  };
  return within === null ? db.transaction(write) : write(within);
}
