/** The list of jobs: those that run, in pages from one job on. */
import type { EmulatorAnswer } from '../emulator/server.ts';
import { isListed, jobObject, statusOf } from './emulator-job.ts';
import type { Store } from './emulator-store.ts';
import { Invalid, json, refuse } from './emulator-wire.ts';

/** The page that a query asks for; throws `Invalid` where it asks for none. */
export async function listJobs(store: Store, query: URLSearchParams): Promise<EmulatorAnswer> {
  const limit = limitIn(query);
  const oldestFirst = await store.jobs.all();
  const indexes = new Map(oldestFirst.map(({ id }, index) => [id, index]));
  const [after, before] = [query.get('after'), query.get('before')];
  const unknown = [after, before].find((id) => id !== null && !indexes.has(id));
  if (unknown !== undefined) return refuse(400, `There is no job with the id ${unknown}.`);

  const isAscending = query.get('order') === 'asc';
  // By its description the server means what the order makes of the words; by its code "after" is always "newer".
  const meansNewer = isAscending || store.switches.listCursors === 'age';
  const [newerThan, olderThan] = meansNewer ? [after, before] : [before, after];
  const indexOf = (id: string | null, otherwise: number): number => indexes.get(id ?? '') ?? otherwise;
  const running = oldestFirst
    .slice(indexOf(newerThan, -1) + 1, indexOf(olderThan, oldestFirst.length))
    .filter((job) => isListed(statusOf(store, job)));
  const sorted = isAscending ? running : running.toReversed();
  return json(sorted.slice(0, limit).map((job) => jobObject(store, job)));
}

/** How many a query asks for; throws `Invalid` where it says something that it may not. */
export function limitIn(query: URLSearchParams): number {
  const limit = query.get('limit') ?? '100';
  if (!/^\d+$/.test(limit)) throw new Invalid(['query', 'limit'], 'Input should be a valid integer');
  if (!/^(?:asc|desc)$/.test(query.get('order') ?? 'desc'))
    throw new Invalid(['query', 'order'], "Input should be 'asc' or 'desc'");
  if ((query.get('order_by') ?? 'created_at') !== 'created_at')
    throw new Invalid(['query', 'order_by'], "Input should be 'created_at'");
  return Number(limit);
}
