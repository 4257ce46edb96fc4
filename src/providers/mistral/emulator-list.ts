/**
 * The list of jobs: its pages, its order, and its filters. Those by metadata are query keys like any other, told from
 * the vendor's own by not being one of those.
 */
import type { JsonObject } from '../../domain/json-line.ts';
import type { EmulatorAnswer } from '../emulator/server.ts';
import type { KeptBatch, Store } from './emulator-store.ts';
import { invalid, json } from './emulator-wire.ts';

/** One page of the jobs, which are given oldest first. */
export function listBatches(
  { switches }: Store,
  oldestFirst: readonly KeptBatch[],
  query: URLSearchParams,
  toObject: (batch: KeptBatch) => JsonObject,
): EmulatorAnswer {
  const page = Number(query.get('page') ?? 0);
  const pageSize = Number(query.get('page_size') ?? pageSizeMax);
  const orderBy = query.get('order_by') ?? '-created';
  if (!Number.isInteger(page) || page < 0) return invalid(['query', 'page'], 'Input should be at least 0');
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > pageSizeMax) {
    return invalid(['query', 'page_size'], `Input should be between 1 and ${pageSizeMax}`);
  }
  if (orderBy !== 'created' && orderBy !== '-created') {
    return invalid(['query', 'order_by'], "Input should be 'created' or '-created'");
  }
  const asked = [...query].filter(([key]) => !parameters.has(key));
  const matching = oldestFirst
    .filter((batch) => filters[switches.metadataFilter](batch, asked))
    .filter((batch) => fits(toObject(batch), query));
  const isAscending = orderBy === 'created' || switches.listOrder === 'oldest-first';
  const ordered = isAscending ? matching : matching.toReversed();
  const data = ordered.slice(page * pageSize, (page + 1) * pageSize);
  return json({ data: data.map(toObject), object: 'list', total: matching.length });
}

const pageSizeMax = 100;

/** What is not a filter by metadata. Whose a job is is not looked at: there is one key. */
const parameters = new Set([
  'page',
  'page_size',
  'order_by',
  'model',
  'agent_id',
  'created_after',
  'created_by_me',
  'status',
]);

/** Whether a job is as the vendor's own filters ask. */
const fits = (
  { status, model, agent_id: agent, created_at: at }: JsonObject,
  query: URLSearchParams,
): boolean => {
  const statuses = query.getAll('status');
  const after = Date.parse(query.get('created_after') ?? '');
  return (
    (statuses.length === 0 || statuses.includes(String(status))) &&
    (query.get('model') ?? model) === model &&
    (query.get('agent_id') ?? agent) === agent &&
    !(Number(at) * 1000 < after)
  );
};

type Filter = (batch: KeptBatch, asked: ReadonlyArray<[string, string]>) => boolean;

const filters = {
  honoured: ({ metadata }, asked) => asked.every(([key, value]) => metadata?.[key] === value),
  ignored: () => true,
  'matches-nothing': (_batch, asked) => asked.length === 0,
} as const satisfies Record<Store['switches']['metadataFilter'], Filter>;
