/**
 * What is written down when a batch ends, so that its callback URL is told: the exact body, once for each end, in the
 * transaction that ends it. Sending it is `deliver.ts`.
 */
import type { Queryable } from '../db/client.ts';
import { insertDelivery } from '../db/queries/deliveries.ts';
import { addTask } from '../db/queries/tasks.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import { callbackBody } from '../domain/callback-body.ts';
import type { Scope } from '../domain/scope.ts';
import { newId, type Services } from '../services.ts';

/** The task that delivers; its payload is the id of a delivery. */
export const deliverTask = 'callback.deliver';

/** Writes the delivery of an end and wakes a worker for it; nothing where the batch has no callback URL. */
export async function announceEnd(
  { clock, origin }: Pick<Services, 'clock' | 'origin'>,
  scope: Scope,
  tx: Queryable,
  batch: BatchRow,
  at: Date,
): Promise<void> {
  const { id: batchId, organizationId, callbackUrl: url, version: seq } = batch;
  if (url === null) return;
  const id = newId(clock);
  const body = JSON.stringify(callbackBody(batch, { seq, at, origin: origin() }));
  const due = { status: 'PENDING', createdAt: at, dueAt: at } as const;
  await insertDelivery(scope, tx, { id, organizationId, batchId, seq, url, body, ...due });
  await addTask(tx, deliverTask, id);
}
