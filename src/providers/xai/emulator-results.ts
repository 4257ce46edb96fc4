/**
 * The emulated vendor's pages about a batch's requests: what was added and how each is doing, and what came out of
 * those that are over. Answers are made when they are read; none is kept.
 */
import type { JsonObject } from '../../domain/json-line.ts';
import { type Ending, foreignKey } from '../emulator/endings.ts';
import type { EmulatorAnswer, EmulatorRequest } from '../emulator/server.ts';
import { keptBatch } from './emulator-batches.ts';
import { answerFor } from './emulator-bodies.ts';
import { byNumber, byWord, type Paging, pageOf } from './emulator-pages.ts';
import { kinds, turnProblem } from './emulator-requests.ts';
import { expiryOf, type FinishedRequest, finishedRequests } from './emulator-state.ts';
import type { KeptBatch, KeptRequest, Store } from './emulator-store.ts';
import type { Switches } from './emulator-switches.ts';
import { json, Refusal } from './emulator-wire.ts';

/** One page of what was added to a batch. */
export async function listRequests(store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> {
  const batch = await keptBatch(store, request);
  const { clock, switches } = store;
  const finished = new Map(
    Array.from(finishedRequests(batch, clock.now(), switches), (item) => [item.position, item] as const),
  );
  const requests = (await store.requestsOf(batch)).map((kept, position) => ({ kept, position }));
  const paging: Paging<(typeof requests)[number]> = {
    limitDefault,
    placeOf: ({ position }) => String(position),
    isBefore: byNumber,
  };
  const { entries, ...rest } = pageOf(requests, request.query, paging, switches);
  const shown = entries.map(({ kept, position }) => metadata(batch, kept, finished.get(position), switches));
  return json({ batch_request_metadata: shown, ...rest });
}

/** One page of what came out so far. */
export async function listResults(store: Store, request: EmulatorRequest): Promise<EmulatorAnswer> {
  const batch = await keptBatch(store, request);
  const { clock, switches } = store;
  const now = clock.now();
  if (switches.expiredResults === 'gone' && now >= expiryOf(batch, switches))
    throw new Refusal(404, `The results of batch ${batch.id} have expired`);
  const requests = await store.requestsOf(batch);
  const finished = Array.from(finishedRequests(batch, now, switches), (item) => ({
    ...item,
    key: requests[item.position]?.key ?? '',
  }));
  const { paging, compare } = orders[switches.resultOrder];
  const { entries, pagination_token: token } = pageOf(
    finished.sort(compare),
    request.query,
    paging,
    switches,
  );
  const results = entries.flatMap((item) => resultTexts(item, requests[item.position], switches));
  return {
    status: 200,
    body: `{"results":[${results.join(',')}],"pagination_token":${JSON.stringify(token)}}`,
  };
}

type Finished = FinishedRequest & { readonly key: string };

/** An order, and a token's place in it. Under `key` and `position` what finishes later may stand before what was read. */
interface Order {
  readonly paging: Paging<Finished>;
  compare(one: Finished, other: Finished): number;
}

const limitDefault = 100;

const orders: Readonly<Record<Switches['resultOrder'], Order>> = {
  key: {
    paging: { limitDefault, placeOf: ({ key }) => key, isBefore: byWord },
    compare: (one, other) => (one.key < other.key ? -1 : 1),
  },
  finishing: {
    // The time with its position behind the point, so that no two have the same place.
    paging: { limitDefault, placeOf: (item) => finishPlace(item), isBefore: byWord },
    compare: (one, other) => (finishPlace(one) < finishPlace(other) ? -1 : 1),
  },
  position: {
    paging: { limitDefault, placeOf: ({ position }) => String(position), isBefore: byNumber },
    compare: (one, other) => one.position - other.position,
  },
};

const finishPlace = ({ at, position }: Finished): string =>
  `${at.toFixed(3).padStart(20, '0')}/${String(position).padStart(10, '0')}`;

/** The result of a request, with the trick played that its own text asked for. */
const resultTexts = (item: Finished, request: KeptRequest | undefined, switches: Switches): string[] => {
  if (request === undefined) return [];
  const write = (key: string): string =>
    JSON.stringify({ batch_request_id: key, ...endings[item.ending](request, item.at, switches) });
  const own = write(request.key);
  return {
    none: () => [own],
    missing: () => [],
    doubled: () => [own, own],
    // Half of a result would tear the whole page; as a text it is a result that cannot be read.
    malformed: () => [JSON.stringify(own.slice(0, Math.floor(own.length / 2)))],
    foreign: () => [own, write(foreignKey)],
  }[item.trick]();
};

type Writer = (request: KeptRequest, at: number, switches: Switches) => JsonObject;

const endings: Readonly<Record<Ending, Writer>> = {
  succeeded: (request, at) => ({ batch_result: { response: answerFor(request, at) } }),
  errored: ({ body }, _at, switches) =>
    error(3, turnProblem(body) ?? 'This request was asked to fail.', switches),
  overloaded: (_request, _at, switches) => error(14, 'The service is currently unavailable', switches),
  expired: (_request, _at, switches) =>
    error(4, 'Deadline expired before operation could complete', switches),
  cancelled: (_request, _at, switches) => error(1, 'Batch cancelled', switches),
};

const error = (code: number, message: string, { errorForm }: Switches): JsonObject =>
  ({
    status: { batch_result: { error: { code, message } } },
    sentence: { batch_result: { error: message } },
    beside: { batch_result: { error: { code } }, error_message: message },
  })[errorForm];

const states: Readonly<Record<Ending, string>> = {
  succeeded: 'succeeded',
  errored: 'failed',
  overloaded: 'failed',
  expired: 'failed',
  cancelled: 'cancelled',
};

const metadata = (
  { createdAt }: KeptBatch,
  { key, kind, body }: KeptRequest,
  finished: FinishedRequest | undefined,
  { times }: Switches,
): JsonObject => {
  const time = (at: Date): string => at.toISOString().slice(0, times === 'dates' ? 10 : undefined);
  const { model = null } = body;
  return {
    batch_request_id: key,
    endpoint: kinds[kind]?.endpoint ?? null,
    model,
    state: finished === undefined ? 'pending' : states[finished.ending],
    create_time: time(new Date(createdAt)),
    finish_time: finished === undefined ? null : time(new Date(finished.at)),
  };
};
