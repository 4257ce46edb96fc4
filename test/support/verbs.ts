/**
 * Batches made and looked at without the API: tests of the verbs and of the worker call them as the API does, on
 * the services of a `TestService`, and read rows.
 */
import { createBatch } from '../../src/batches/create.ts';
import { taskFor } from '../../src/batches/work.ts';
import type { HandClock } from '../../src/clock.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { findBatch } from '../../src/db/queries/batches.ts';
import { type ItemView, itemPages } from '../../src/db/queries/item-pages.ts';
import { jobsOfBatch } from '../../src/db/queries/jobs.ts';
import type { BatchRow } from '../../src/db/tables/batches.ts';
import type { JobRow } from '../../src/db/tables/jobs.ts';
import type { SubmitRule } from '../../src/domain/accumulation.ts';
import type { RequestsInput } from '../../src/domain/batch-input.ts';
import { workOf } from '../../src/domain/job.ts';
import type { RetryPolicy } from '../../src/domain/retry.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import { openProviderAccess } from '../../src/providers/access.ts';
import type { EmulatorCall } from '../../src/providers/emulation.ts';
import type { Connection, Provider } from '../../src/providers/provider.ts';
import type { Services } from '../../src/services.ts';
import { catalog } from '../../src/worker/catalog.ts';
import { bodyFor, modelFor } from './documents.ts';
import type { TestService } from './service.ts';

/** What a test wants a batch to be; everything has a default. */
export interface BatchWish {
  readonly provider?: string;
  readonly submit?: SubmitRule;
  /** The requests' texts; a directive in one is read by the emulator. */
  readonly texts?: readonly string[];
  readonly idempotencyKey?: string;
  readonly callbackUrl?: string;
  readonly retry?: RetryPolicy;
}

/** Requests with these texts, as a caller would give them. */
export const requestsOf = (texts: readonly string[], provider = 'openai'): RequestsInput => ({
  kind: 'list',
  requests: texts.map((text, index) => ({ body: bodyFor(provider, text, '', index) })),
});

/** A batch of two requests for OpenAI that is submitted at once, unless wished otherwise. */
export async function makeBatch(
  services: Services,
  scope: OrganizationScope,
  wish: BatchWish = {},
): Promise<BatchRow> {
  const { provider = 'openai', submit = { kind: 'NOW' }, texts = ['one', 'two'], ...given } = wish;
  const { batch } = await createBatch(services, scope, {
    provider,
    submit,
    ...modelFor(provider),
    requests: texts.length === 0 ? null : requestsOf(texts, provider),
    ...given,
  });
  return batch;
}

/** The batch as it is now. */
export async function batchNow({ db }: Services, id: string): Promise<BatchRow> {
  const batch = await db.read((q) => findBatch(workerScope, q, id));
  if (batch === null) throw new Error('there is no such batch');
  return batch;
}

/** Its jobs as they are now, by number. */
export const jobsNow = ({ db }: Services, batchId: string): Promise<JobRow[]> =>
  db.read((q) => jobsOfBatch(workerScope, q, batchId));

/** Its only job as it is now. */
export async function jobNow(services: Services, batchId: string): Promise<JobRow> {
  const [job, ...others] = await jobsNow(services, batchId);
  if (job === undefined || others.length > 0) throw new Error(`the batch has ${others.length + 1} jobs`);
  return job;
}

/** Its items as they are now, in the caller's order. */
export const itemsNow = ({ db }: Services, batchId: string): Promise<ItemView[]> =>
  db.read((q) => itemPages(workerScope, q, [batchId], {}, { limit: 1000, order: 'ascending', beyond: null }));

/** How many calls of an operation an emulator received. */
export const callsOf = (calls: readonly EmulatorCall[], operation: string): number =>
  calls.filter((call) => call.operation === operation).length;

/** Turns the clock to exactly this moment, and does what is due then. */
export async function workAt(service: TestService, at: Date | null): Promise<void> {
  if (at === null) throw new Error('nothing is due at any time');
  service.clock.advance({ seconds: (at.getTime() - service.clock.now().getTime()) / 1000 });
  await service.work();
}

/**
 * Does what the jobs of a batch need next, without the queue, when its time has come; false where nothing is left to
 * do, or what is left waits for a person.
 */
export async function workNext(by: Services, clock: HandClock, batchId: string): Promise<boolean> {
  const due = (await jobsNow(by, batchId))
    .filter((job) => workOf(job) !== null && job.dueAt !== null)
    .toSorted((a, b) => Number(a.dueAt) - Number(b.dueAt));
  const [job] = due;
  const work = job === undefined ? null : workOf(job);
  if (job === undefined || job.dueAt === null || work === null) return false;
  const seconds = (job.dueAt.getTime() - clock.now().getTime()) / 1000;
  if (seconds > 0) clock.advance({ seconds });
  await catalog[taskFor[work]].run(by, job.id, new AbortController().signal);
  return true;
}

/** The services with one provider replaced, reached by the emulator that it had, or elsewhere. */
export function withProvider(service: TestService, changed: Provider, elsewhere?: Connection): Services {
  const { services } = service.app;
  const reaches = services.providers.entries.map(({ provider }) => {
    const own = provider.name === changed.name ? changed : provider;
    const connection = own === changed ? elsewhere : undefined;
    return [own, { mode: 'SANDBOX', connection: connection ?? service.emulator(own.name) }] as const;
  });
  return { ...services, providers: openProviderAccess(new Map(reaches), services) };
}

/** The same services with connections of their own, as another process on the same database has them. */
export function anotherProcess(service: TestService): { services: Services; db: Database } {
  const db = openDatabase({ url: service.app.databaseUrl, connectionsMax: 4 });
  return { services: { ...service.app.services, db }, db };
}
