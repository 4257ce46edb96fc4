/**
 * The call that adds requests to a batch. It is taken as a whole or not at all: one request that is refused refuses
 * them all.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonValue } from '../../domain/json-line.ts';
import type { EmulatorAnswer, EmulatorRequest } from '../emulator/server.ts';
import { keptBatch } from './emulator-batches.ts';
import { makePart } from './emulator-parts.ts';
import { formProblem, kinds, modelProblem } from './emulator-requests.ts';
import { rejection } from './emulator-state.ts';
import type { KeptBatch, KeptRequest, Store } from './emulator-store.ts';
import { invalid, json, parseBody, Refusal, undecodable } from './emulator-wire.ts';

/** What a request, or a call, may have at most. */
const bytesMax = 25_000_000;
/** How much of a call is read before it is refused, whatever may have 25 MB. */
const readBytesMax = 1_000_000_000;

/** Adds what the call says, and answers an empty message. */
export async function addRequests(store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> {
  const batch = await keptBatch(store, request);
  const given = readRequests(await readWithin(store, request), store);
  refuseClosed(batch, store.clock.now());
  const added = await newOnes(store, batch, given);
  const fault = added.map(({ body }) => modelProblem(body)).find((problem) => problem !== null) ?? null;
  if (fault !== null && store.switches.unsupportedModel === 'refused') throw invalid(fault);
  if (added.length > 0) {
    const part = await makePart(store, added, fault);
    await store.batches.change(batch.id, (kept) => ({ ...kept, parts: [...kept.parts, part] }));
  }
  return json({});
}

/** The call's body. One that is too large is read to its end all the same, so that its sender hears of it. */
const readWithin = async ({ switches }: Store, { stream }: EmulatorRequest): Promise<string> => {
  const most = switches.bytesMaxOf === 'call' ? bytesMax : readBytesMax;
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes <= most) pieces.push(piece);
  }
  if (bytes > most) throw new Refusal(413, `The payload exceeds ${most} bytes.`);
  return Buffer.concat(pieces).toString('utf8');
};

const readRequests = (text: string, { switches }: Store): KeptRequest[] => {
  const body = parseBody(text);
  if (!isJsonObject(body)) throw undecodable('invalid type: expected an object');
  const { batch_requests: requests, ...others } = body;
  refuseExtras(Object.keys(others));
  if (!Array.isArray(requests)) throw undecodable('missing field `batch_requests`');
  if (requests.length === 0) throw invalid('batch_requests must not be empty');
  return requests.map((request) => readRequest(request, switches.wrappers === 'responses-only'));
};

const readRequest = (request: JsonValue, isNarrow: boolean): KeptRequest => {
  if (!isJsonObject(request)) throw undecodable('batch_requests: invalid type');
  const { batch_request_id: key = null, batch_request: wrapped, ...others } = request;
  refuseExtras(Object.keys(others));
  if (key !== null && (typeof key !== 'string' || key === ''))
    throw undecodable('batch_request_id: invalid type');
  if (!isJsonObject(wrapped)) throw undecodable('missing field `batch_request`');
  const [kind = '', ...more] = Object.keys(wrapped);
  if (!Object.hasOwn(kinds, kind) || more.length > 0) throw undecodable(`unknown variant \`${kind}\``);
  if (isNarrow && kind === 'chat_get_completion') throw invalid('chat_get_completion is not accepted here');
  const body = wrapped[kind];
  const problem = formProblem(kind, body);
  if (problem !== null || !isJsonObject(body)) throw undecodable(problem ?? 'invalid type');
  if (Buffer.byteLength(JSON.stringify(request)) > bytesMax)
    throw new Refusal(413, `A request exceeds ${bytesMax} bytes.`);
  return { key: key ?? `batch_request_${randomUUID()}`, kind, body };
};

const refuseExtras = ([extra]: readonly string[]): void => {
  if (extra !== undefined) throw undecodable(`unknown field \`${extra}\``);
};

const refuseClosed = (batch: KeptBatch, now: Date): void => {
  if (batch.inputFileId !== null) throw new Refusal(412, 'Cannot add inline requests to a file-based batch');
  if (batch.cancelRequestedAt !== null || rejection(batch, now) !== null)
    throw new Refusal(403, 'Cannot add requests to a cancelled batch');
};

/** The requests that the batch does not have yet. One that it has with another content is refused in any case. */
const newOnes = async (
  store: Store,
  batch: KeptBatch,
  given: readonly KeptRequest[],
): Promise<KeptRequest[]> => {
  const known = new Map((await store.requestsOf(batch)).map((request) => [request.key, request]));
  const added: KeptRequest[] = [];
  for (const request of given) {
    const before = known.get(request.key);
    if (before === undefined) added.push(request);
    else if (!isDeepStrictEqual(before, request))
      throw new Refusal(412, `batch_request_id '${request.key}' content differs from originally submitted`);
    else if (store.switches.duplicates === 'refused')
      throw new Refusal(412, `batch_request_id '${request.key}' already exists`);
    known.set(request.key, request);
  }
  return added;
};
