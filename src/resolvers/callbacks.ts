/** What is told of a batch's end, to whom and how often; and what it is signed with. */
import { z } from 'zod';
import { redeliverCallback as redeliver } from '../callbacks/redeliver.ts';
import { type CallbackSecret, presentSecret, rotateSecret } from '../callbacks/secrets.ts';
import type { Context } from '../context.ts';
import type { DeliveryAttemptView } from '../db/queries/delivery-attempts.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { DeliveryRow } from '../db/tables/deliveries.ts';
import { rotateCallbackSecretInput } from '../domain/batch-input.ts';
import { encodeCursor, type PageArguments, pageWindow } from '../domain/page.ts';
import type { DeliveryStatus } from '../domain/status.ts';
import { cursorOf, int4Max, pageSizes, parseInput, uuidOfInput } from './arguments.ts';
import { type Connection, connectionOf, readingLimit, readingOrder } from './connection.ts';

/** Who is told of a batch's end, and what was told of its newest one. */
export interface CallbackModel {
  readonly batchId: string;
  readonly url: string;
  /** Null before the batch has ended. */
  readonly delivery: DeliveryRow | null;
}
/** An attempt, as the schema's type is backed. */
export type CallbackAttemptModel = DeliveryAttemptView;
/** A secret, as the schema's type is backed. */
export type CallbackSecretModel = CallbackSecret;

/** The callback of the batch; null where it has none. */
export async function batchCallback(
  { id: batchId, callbackUrl: url }: BatchRow,
  { loaders }: Context,
): Promise<CallbackModel | null> {
  return url === null ? null : { batchId, url, delivery: await loaders.delivery.load(batchId) };
}

/** What became of telling it. */
export const callbackStatus = ({ delivery }: CallbackModel): DeliveryStatus | 'WAITING' =>
  delivery?.status ?? 'WAITING';

/** Every attempt to tell it of any end, in the order in which they were begun. */
export async function callbackAttempts(
  { batchId }: CallbackModel,
  args: PageArguments,
  { loaders }: Context,
): Promise<Connection<DeliveryAttemptView>> {
  const window = pageWindow(args, pageSizes.batches);
  const place = cursorOf('callback', window, attemptPlace);
  const beyond = place === null ? null : { seq: place[0], number: place[1] };
  const page = { limit: readingLimit(window), order: readingOrder(window, 'ascending'), beyond };
  const rows = await loaders.deliveryAttempts(page).load(batchId);
  return connectionOf(
    window,
    rows,
    ({ seq, number }) => encodeCursor('callback', [seq, number]),
    () => loaders.deliveryAttemptCount.load(batchId),
  );
}

const int4 = z.int().min(1).max(int4Max);
const attemptPlace = z.tuple([int4, int4]);

/** Tells it again, now. */
export async function redeliverCallback(
  { input }: { input: { batchId: string } },
  { services, scope }: Context,
): Promise<{ batch: BatchRow }> {
  return { batch: await redeliver(services, scope, uuidOfInput('Batch', 'batchId', input.batchId)) };
}

/** The organization's secret; null before its first. */
export const callbackSecret = ({ services, scope }: Context): Promise<CallbackSecret | null> =>
  presentSecret(services, scope);

/** Makes a new secret. */
export async function rotateCallbackSecret(
  { input }: { input: { graceHours?: number | null | undefined } },
  { services, scope }: Context,
): Promise<{ callbackSecret: CallbackSecret }> {
  const { graceHours } = parseInput(rotateCallbackSecretInput, input);
  return { callbackSecret: await rotateSecret(services, scope, graceHours * 3600) };
}
