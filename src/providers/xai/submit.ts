/**
 * A submission in parts. The batch is created empty, once, under a name that finds it again; from then on the
 * checkpoint names it, and a submission that broke off goes on with it: what it holds is listed, and the rest added.
 *
 * Owned here: the order of calls, and what a call means that fails on the way. Left to others: which items go into
 * which call (`add.ts`), looking for a batch whose creation was not answered (`find.ts`).
 */
import type { JsonObject } from '../../domain/json-line.ts';
import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type { Submission, SubmitPorts } from '../provider.ts';
import { type Call, callsFor } from './add.ts';
import type { Calls } from './calls.ts';
import { pagesOf } from './listing.ts';
import { readBatch, readKeyPage, type WireBatch } from './wire.ts';

/** A batch, with the vendor's answer verbatim. */
export interface ToldBatch {
  readonly batch: WireBatch;
  readonly raw: string;
}

/** The name of a submission's batch. Nothing else has it. */
export const nameOf = ({ nonce }: Pick<Submission, 'nonce'>): string => `batchql-${nonce}`;

/** The batch that a checkpoint names; null where it names none. */
export function batchIn(checkpoint: JsonObject | null): string | null {
  const { batch_id: batchId } = checkpoint ?? {};
  return typeof batchId === 'string' ? batchId : null;
}

/** Whether a batch takes nothing more: somebody has cancelled it, or the vendor has. */
export const isStopped = ({ cancel_time: at, cancel_by_xai_message: message }: WireBatch): boolean =>
  at !== null || (message ?? '') !== '';

/** Creates the batch, or goes on with the one that was created, until all items are in it; and asks how it is. */
export async function submitBatch(
  calls: Calls,
  submission: Submission,
  ports: SubmitPorts,
): Promise<ToldBatch> {
  const batchId = batchIn(submission.checkpoint);
  const told =
    batchId === null
      ? await create(calls, submission, ports)
      : await looked(() => ask(calls, batchId, ports));
  // What is stopped is this job's all the same; it ends with what it has.
  if (isStopped(told.batch)) return told;
  const { batch_id: id } = told.batch;
  const present = batchId === null ? new Set<string>() : await looked(() => keysIn(calls, id, ports.signal));
  for await (const call of callsFor(submission, ports.items(), present)) await add(calls, id, call, ports);
  // How it is doing can be asked again later; that everything was sent must not be forgotten for it.
  return ask(calls, id, ports).catch(() => told);
}

const create = async (calls: Calls, submission: Submission, ports: SubmitPorts): Promise<ToldBatch> => {
  const raw = await calls.create(nameOf(submission), ports);
  const batch = readBatch(raw);
  if (batch === null) throw created();
  await ports.saveCheckpoint({ batch_id: batch.batch_id });
  return { batch, raw };
};

const ask = async (calls: Calls, batchId: string, { signal }: SubmitPorts): Promise<ToldBatch> => {
  const raw = await calls.retrieve(batchId, signal);
  return { batch: understood(readBatch, raw), raw };
};

const keysIn = async (calls: Calls, batchId: string, signal: AbortSignal): Promise<Set<string>> => {
  const keys = new Set<string>();
  const pages = pagesOf((token) => calls.requests(batchId, token, signal), readKeyPage);
  for await (const { entries } of pages) for (const key of entries) keys.add(key);
  return keys;
};

/** A batch that was created and is not known there any more, or not yet: that has to be looked into first. */
const looked = async <T>(look: () => Promise<T>): Promise<T> => {
  try {
    return await look();
  } catch (failure) {
    if (!isRejection(failure) || failure.status !== 404) throw failure;
    throw new ProviderFailure('uncertain', failure);
  }
};

/**
 * Adds one call's items. A refusal of items that are there after all refuses nothing: the next try adds what is
 * missing. Any other ends the job; what was added before is stopped and collected by whoever sees the refusal.
 */
const add = async (calls: Calls, batchId: string, call: Call, ports: SubmitPorts): Promise<void> => {
  try {
    await calls.add(batchId, call.body, ports);
  } catch (failure) {
    if (!isRejection(failure)) throw failure;
    const present = await keysIn(calls, batchId, ports.signal).catch(noneIfRejected);
    if (call.keys.some((key) => present.has(key))) throw new ProviderFailure('unavailable', failure);
    throw failure;
  }
};

const isRejection = (failure: unknown): failure is ProviderFailure =>
  failure instanceof ProviderFailure && failure.kind === 'rejected';

const noneIfRejected = (failure: unknown): Set<string> => {
  if (isRejection(failure)) return new Set();
  throw failure;
};

/** The vendor said yes in words that we cannot read: a batch exists, and must be looked for. */
const created = (): ProviderFailure =>
  new ProviderFailure('uncertain', {
    code: 'unreadable_answer',
    message: 'The provider created a batch and did not tell its id.',
  });
