/** The emulated vendor's batches: create, list, retrieve, cancel, and the object that shows one. */
import { isJsonObject, type JsonObject } from '../../domain/json-line.ts';
import type { EmulatorAnswer, EmulatorRequest } from '../emulator/server.ts';
import { readInput } from './emulator-input.ts';
import { byNumber, pageOf } from './emulator-pages.ts';
import { makePart } from './emulator-parts.ts';
import { expiryOf, isDone, rejection, stateOf } from './emulator-state.ts';
import type { KeptBatch, Store } from './emulator-store.ts';
import { json, parseBody, Refusal, undecodable } from './emulator-wire.ts';

/** The batch that a call's path names; throws the vendor's 404 where there is none. */
export async function keptBatch(store: Store, { params: [id = ''] }: EmulatorRequest): Promise<KeptBatch> {
  const batch = await store.batches.meta(id);
  if (batch === null) throw new Refusal(404, `Batch ${id} not found`);
  return batch;
}

/** Creates a batch: empty, or of the file that it names, which closes it. */
export async function createBatch(store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> {
  const body = parseBody(await request.text());
  if (!isJsonObject(body)) throw undecodable('invalid type: expected an object');
  const { name, input_file_id: inputFileId = null, ...others } = body;
  const [extra] = Object.keys(others);
  if (extra !== undefined) throw undecodable(`unknown field \`${extra}\``);
  if (typeof name !== 'string' || name === '') throw undecodable('missing field `name`');
  if (inputFileId !== null && typeof inputFileId !== 'string')
    throw undecodable('input_file_id: invalid type');
  await refuseTooMany(store);
  const input = inputFileId === null ? null : await readInput(store, inputFileId);
  const batch: KeptBatch = {
    id: await store.batches.newId(),
    name,
    createdAt: store.clock.now().toISOString(),
    cancelRequestedAt: null,
    inputFileId,
    parts: input === null ? [] : [await makePart(store, input.requests, input.fault)],
  };
  await store.batches.add(batch.id, batch, new Uint8Array());
  return json(batchObject(store, batch));
}

/** One page of all batches. */
export async function listBatches(store: Store, { query }: EmulatorRequest): Promise<EmulatorAnswer> {
  const oldestFirst = (await store.batches.all()).map((batch, index) => ({ batch, index }));
  const isNewestFirst = store.switches.listOrder === 'newest-first';
  const { entries, ...rest } = pageOf(
    isNewestFirst ? oldestFirst.reverse() : oldestFirst,
    query,
    {
      limitDefault: 100,
      placeOf: ({ index }) => String(index),
      isBefore: isNewestFirst ? (one, other) => byNumber(other, one) : byNumber,
    },
    store.switches,
  );
  const shown = entries.map(({ batch }) => batchObject(store, batch));
  if (store.switches.listedState === 'told') return json({ batches: shown, ...rest });
  return json({ batches: shown.map(({ state: _, ...batch }) => batch), ...rest });
}

/** Cancels a batch; what is not pending any more stays as it is. */
export async function cancelBatch(store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> {
  const batch = await keptBatch(store, request);
  const now = store.clock.now();
  const isOver = isDone(batch, now) || rejection(batch, now) !== null;
  const { cancelWhenOver } = store.switches;
  if (isOver && cancelWhenOver === 'refused') throw new Refusal(412, 'The batch has nothing to cancel.');
  if (isOver && cancelWhenOver === 'unchanged') return json(batchObject(store, batch));
  const cancelRequestedAt = batch.cancelRequestedAt ?? now.toISOString();
  const changed = await store.batches.change(batch.id, (kept) => ({ ...kept, cancelRequestedAt }));
  return json(batchObject(store, changed ?? batch));
}

/** The vendor's batch object, which has no word for how the batch is doing. */
export function batchObject(store: Store, batch: KeptBatch): JsonObject {
  const { clock, switches } = store;
  const now = clock.now();
  const rejected = rejection(batch, now);
  const cancelledAt = rejected?.at ?? (batch.cancelRequestedAt && new Date(batch.cancelRequestedAt)) ?? null;
  const time = (at: Date): string =>
    switches.times === 'dates' ? at.toISOString().slice(0, 10) : at.toISOString();
  return {
    batch_id: batch.id,
    name: batch.name,
    create_time: time(new Date(batch.createdAt)),
    expire_time: time(expiryOf(batch, switches)),
    create_api_key_id: '00000000-0000-4000-8000-000000000001',
    cancel_time: cancelledAt && time(cancelledAt),
    cancel_by_xai_message: rejected?.message ?? null,
    state: { ...stateOf(batch, now, switches) },
    ...(batch.inputFileId === null ? {} : { input_file_id: batch.inputFileId }),
  };
}

/** A word for how a batch is doing, for tests; the vendor has none. */
export function wordOf(store: Store, batch: KeptBatch): string {
  const now = store.clock.now();
  const { num_requests: total, num_pending: pending } = stateOf(batch, now, store.switches);
  if (rejection(batch, now) !== null) return 'rejected';
  if (batch.cancelRequestedAt !== null) return pending > 0 ? 'cancelling' : 'cancelled';
  if (total === 0) return 'empty';
  return pending > 0 ? 'running' : 'done';
}

/** Two creations a second are allowed. */
const creationsMax = 2;

const refuseTooMany = async ({ batches, clock, switches }: Store): Promise<void> => {
  if (switches.creationRate === 'unlimited') return;
  const since = clock.now().getTime() - 1000;
  const recent = (await batches.all()).filter(({ createdAt }) => Date.parse(createdAt) > since);
  if (recent.length >= creationsMax) throw new Refusal(429, 'Too many batches were created.');
};
