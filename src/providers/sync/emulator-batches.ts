/**
 * The batch endpoints: create, check, retrieve, list. A batch is written once, when it is created; every answer about
 * it follows from that and the clock.
 */
import { isOver, lifeAt } from '../emulator/life.ts';
import type { EmulatorAnswer, EmulatorRequest, EmulatorRoute } from '../emulator/server.ts';
import { batchObject, statusOf } from './emulator-batch-object.ts';
import { type CreationForm, readCreation } from './emulator-form.ts';
import { fatesOf, inputFault } from './emulator-input.ts';
import { inputLines, type KeptBatch, type Store } from './emulator-store.ts';
import { json, refuse, refuseWith } from './emulator-wire.ts';

/** The routes under `/v2/batch`. A dry run is the operation `validate`, a creation `create`, both the same path. */
export function batchRoutes(store: Store): EmulatorRoute[] {
  return [
    {
      operation: async (request) => ((await readCreation(request)).dryRun ? 'validate' : 'create'),
      method: 'POST',
      path: /^\/v2\/batch$/,
      handle: async (request) => create(store, await readCreation(request), request.origin),
    },
    { operation: 'list', method: 'GET', path: /^\/v2\/batch$/, handle: (request) => list(store, request) },
    {
      operation: 'retrieve',
      method: 'GET',
      path: /^\/v2\/batch\/([^/]+)$/,
      handle: async ({ params: [id = ''], origin }) => {
        const batch = await store.batches.meta(id);
        return batch === null ? unknownBatch : json(batchObject(store, batch, origin));
      },
    },
  ];
}

/** The vendor's answer about a batch that it does not know. */
export const unknownBatch: EmulatorAnswer = refuse(404, 'Batch not found');

const create = async (store: Store, form: CreationForm, origin: string): Promise<EmulatorAnswer> => {
  const { switches } = store;
  if (switches.plan === 'creator')
    return refuse(402, 'The Batch API is available on the Scale and Enterprise plans only.');
  const problems = [...form.problems, ...formProblems(store, form)];
  if (problems.length > 0) return refuse(400, problems);
  const fault = inputFault(form.content, switches);
  if (fault !== null) return refuse(fault.status, fault.message);
  if (form.dryRun) return json({ status: 'VALIDATED' });
  if ((await underWay(store)) >= atOnceMax(store)) {
    return refuseWith(429, 'concurrency_limit_reached', 'Too many batches are under way.');
  }
  const batch: KeptBatch = {
    id: await store.batches.newId(),
    createdAt: store.clock.now().toISOString(),
    cancelRequestedAt: null,
    pace: store.pace,
    requestCount: inputLines(form.content).length,
    fates: fatesOf(form.content),
    webhookUrl: form.webhookUrl,
    origin,
    notified: false,
  };
  await store.batches.add(batch.id, batch, Buffer.from(form.content));
  return json(batchObject(store, batch, origin), Number(switches.createdStatus));
};

const formProblems = ({ switches }: Store, { kind, webhookUrl }: CreationForm): string[] => {
  const protocol = webhookUrl === null ? null : (URL.parse(webhookUrl)?.protocol ?? '');
  const allowed = switches.webhookUrls === 'https' ? ['https:'] : ['https:', 'http:'];
  return [
    ...(kind === 'rows' && switches.rowsForm === 'refused' ? ['input file is required'] : []),
    ...(protocol === null || allowed.includes(protocol) ? [] : ['webhook_url must be a URL address']),
  ];
};

const atOnceMax = ({ switches: { batchesAtOnce } }: Store): number =>
  batchesAtOnce === 'unlimited' ? Number.POSITIVE_INFINITY : Number(batchesAtOnce);

const underWay = async ({ batches, clock }: Store): Promise<number> => {
  const now = clock.now();
  return (await batches.all()).filter((batch) => !isOver(lifeAt(batch, now))).length;
};

const parameters = new Set(['status', 'created_after', 'created_before']);

/** All batches that fit, newest first: a bare array, without pages. */
const list = async (store: Store, { query, origin }: EmulatorRequest): Promise<EmulatorAnswer> => {
  const unknown = [...query.keys()].find((name) => !parameters.has(name));
  if (unknown !== undefined) return refuse(400, [`property ${unknown} should not exist`]);
  const [after, before] = [moment(query, 'created_after'), moment(query, 'created_before')];
  for (const [name, at] of [['created_after', after] as const, ['created_before', before] as const]) {
    if (Number.isNaN(at)) return refuse(400, [`${name} must be a valid ISO 8601 date string`]);
  }
  const status = query.get('status');
  const fits = (batch: KeptBatch): boolean => {
    const createdAt = Date.parse(batch.createdAt);
    if (before !== null && createdAt >= before) return false;
    if (status !== null && statusOf(store, batch) !== status) return false;
    return after === null || filters[store.switches.createdAfter](createdAt, after);
  };
  const batches = (await store.batches.all()).filter(fits).toReversed();
  return json(batches.map((batch) => batchObject(store, batch, origin)));
};

/** A moment in the query; null where there is none, NaN where it is no moment. */
const moment = (query: URLSearchParams, name: string): number | null => {
  const text = query.get(name);
  return text === null ? null : Date.parse(text);
};

const filters: Readonly<
  Record<Store['switches']['createdAfter'], (createdAt: number, after: number) => boolean>
> = {
  honoured: (createdAt, after) => createdAt > after,
  ignored: () => true,
  'matches-nothing': () => false,
};
