/** The list of jobs: its filters, its order and its pages. */
import type { JsonObject } from '../../domain/json-line.ts';
import type { EmulatorAnswer } from '../emulator/server.ts';
import { stateAt } from './emulator-state.ts';
import type { KeptJob, Store } from './emulator-store.ts';
import { json, refuse } from './emulator-wire.ts';

/** One page of the jobs that the query asks for, newest first unless it asks otherwise. */
export async function listJobs(
  store: Store,
  query: URLSearchParams,
  toObject: (store: Store, job: KeptJob) => JsonObject,
): Promise<EmulatorAnswer> {
  const pageSize = Number(query.get('maxResults') ?? pageSizeDefault);
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 1_000) {
    return refuse('ValidationException', 'maxResults must be between 1 and 1000.', store.switches.errorWord);
  }
  const oldestFirst = (await store.jobs.all()).filter((job) => fits(store, job, query));
  const ordered = query.get('sortOrder') === 'Ascending' ? oldestFirst : oldestFirst.toReversed();
  const token = query.get('nextToken');
  const from = token === null ? 0 : ordered.findIndex(({ id }) => id === token) + 1;
  const page = ordered.slice(from, from + pageSize);
  const last = page.at(-1);
  const hasMore = last !== undefined && from + page.length < ordered.length;
  return json({
    invocationJobSummaries: page.map((job) => toObject(store, job)),
    ...(hasMore ? { nextToken: last.id } : {}),
  });
}

const pageSizeDefault = 100;

const fits = ({ clock }: Store, job: KeptJob, query: URLSearchParams): boolean => {
  const [status, after, before] = ['statusEquals', 'submitTimeAfter', 'submitTimeBefore'].map((name) =>
    query.get(name),
  );
  const submitted = Date.parse(job.createdAt);
  return (
    job.name.includes(query.get('nameContains') ?? '') &&
    (!status || stateAt(job, clock.now()).word === status) &&
    (!after || submitted > Date.parse(after)) &&
    (!before || submitted < Date.parse(before))
  );
};
