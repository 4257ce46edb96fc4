/**
 * The lives that are walked through, each that of one batch. They are told step by step, as by a person who makes the
 * call again that the crash cut off; any step can be taken twice. What one life has in common with the one before is
 * walked there.
 */
import { sql } from 'drizzle-orm';
import type { Provider } from '../../src/providers/provider.ts';
import type { CrashableService } from './crashable-service.ts';
import { bodyFor, modelFor } from './documents.ts';
import { mutationDocument } from './mutations.ts';
import { type Subscriber, subscribeByWebSocket } from './subscribers.ts';

/** What a follower was told, in order. */
export interface Told {
  readonly fromSeq: number;
  readonly seq: number;
  readonly resync: boolean;
}

/** The lives, each that of one batch: left alone, cancelled while it runs, and tried again after that. */
export const plots = ['kept', 'cancelled', 'retried'] as const;
/** What becomes of the batch. */
export type Plot = (typeof plots)[number];

/** The story of one service, as far as it is told. */
export interface Story {
  readonly plot: Plot;
  /** Tells it until the service is held, or to its end, when nothing is left to do. */
  tell(): Promise<void>;
  /** After the death of the service's process and its restart: takes the step once more that was cut off, and goes on. */
  resume(): Promise<void>;
  /** All that was told to the batch's follower, who reads to the end. */
  told(): Promise<readonly Told[]>;
}

/** The story of a service that has just started. */
export function createStory(service: CrashableService, plot: Plot): Story {
  const follower = createFollower(service);
  const steps = stepsOf(plot, service, follower);
  let taken = 0;
  const goOn = async () => {
    for (const [act, take] of steps.slice(taken)) {
      service.enter(act);
      await take();
      taken += 1;
    }
    service.enter('settle');
    await settle(service);
  };
  const untilHeld = async (telling: Promise<void>) => {
    // Held, it fails when the process dies, or never ends.
    await Promise.race([telling, service.held().then(() => void telling.catch(() => undefined))]);
  };
  return {
    plot,
    tell: () => untilHeld(goOn()),
    resume: () => untilHeld(follower.resume().then(goOn)),
    told: () => follower.end(),
  };
}

/** A step, and in the name of what its points are counted; null where they are another life's. */
type Step = readonly [act: string | null, take: () => Promise<unknown>];

function stepsOf(plot: Plot, service: CrashableService, follower: Follower): readonly Step[] {
  const counted = (ofLife: Plot, steps: readonly Step[]): readonly Step[] =>
    plot === ofLife ? steps : steps.map(([, take]) => [null, take]);
  const opening = counted('kept', [
    ['create', () => create(service, plot)],
    ['follow', () => follower.follow()],
    ['submit', () => service.work(0)],
  ]);
  const keeping = counted('kept', [
    ['poll', () => service.work(10)],
    ['ingest', () => service.work(10)],
  ]);
  const cancelling = counted('cancelled', [
    ['cancel', () => cancel(service)],
    ['cancel', () => service.work(3)],
    ['ingest', () => service.work(10)],
  ]);
  const retrying = counted('retried', [
    ['retry', () => retry(service)],
    ['submit', () => service.work(0)],
    ['poll', () => service.work(10)],
    ['ingest', () => service.work(10)],
  ]);
  const failing = service.provider.capabilities.cancel ? cancelling : keeping;
  return {
    kept: [...opening, ...keeping],
    cancelled: [...opening, ...cancelling],
    retried: [...opening, ...failing, [null, () => settle(service)] as const, ...retrying],
  }[plot];
}

/** Enough that the results come in three chunks, of 10, 20 and what is left. */
const requestsAtLeast = 33;

/**
 * The batch's requests. The provider refuses some of them, as many as a job must have, so that they can be tried again;
 * but where it is chance which are done at a moment that matters, because of a cancel or because results are read while
 * it runs, none differs from the others: every run must pass the same points.
 */
export function requestsOf({ name, limits, capabilities }: Provider, plot: Plot) {
  const isChance = plot === 'kept' ? capabilities.partialResults : capabilities.cancel;
  return Array.from({ length: 2 * limits.requestsMin + requestsAtLeast }, (_, index) => {
    const isRefused = !isChance && index > 0 && index <= limits.requestsMin;
    const body = bodyFor(name, `question ${index}`, isRefused ? 'emulate:errored' : '', index);
    return { customId: `request ${index}`, body };
  });
}

/** Makes the batch; under a key, so that a call that was cut off can be made again. */
async function create(service: CrashableService, plot: Plot): Promise<void> {
  const { provider } = service;
  await query(service, mutationDocument('createBatch'), {
    input: {
      idempotencyKey: 'create',
      provider: provider.name,
      ...modelFor(provider.name),
      submit: 'NOW',
      ...(plot === 'kept' ? { callbackUrl: service.receiver.url } : {}),
      requests: { list: requestsOf(provider, plot) },
    },
  });
}

async function cancel(service: CrashableService): Promise<void> {
  const id = await findBatch(service);
  await query(service, mutationDocument('cancelBatch'), { input: { batchId: id } });
}

/** Tries again what failed; under a key, too. */
async function retry(service: CrashableService): Promise<void> {
  const id = await findBatch(service);
  await query(service, mutationDocument('retryBatch'), { input: { batchId: id, idempotencyKey: 'retry' } });
}

/** The id of the batch; null while there is none. */
export async function findBatch({ db }: CrashableService): Promise<string | null> {
  const { rows } = await db.read((q) => q.execute<{ id: string }>(sql`select id from batches`));
  if (rows.length > 1) throw new Error(`there are ${rows.length} batches where one was made`);
  return rows[0]?.id ?? null;
}

/** Sends a document to the service that is up; fails where it is cut off, and where the answer is an error. */
export async function query(
  { url, key }: CrashableService,
  document: string,
  variables: Record<string, unknown>,
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
): Promise<any> {
  const response = await fetch(`${url()}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: document, variables }),
  });
  const { data, errors } = await response.json();
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  for (const [field, answer] of Object.entries<{ __typename?: string; message?: string }>(data)) {
    if (answer?.__typename?.endsWith('Error')) throw new Error(`${field}: ${answer.message}`);
  }
  return data;
}

type Follower = ReturnType<typeof createFollower>;

const followDocument = `subscription($id: ID!, $after: Int) {
  batchUpdated(id: $id, after: $after) { fromSeq seq resync } }`;

/** Somebody who follows the batch over WebSocket, and resumes where they were when the service is up again. */
function createFollower(service: CrashableService) {
  const told: Told[] = [];
  let subscriber: Subscriber | null = null;
  const open = async () => {
    subscriber = subscribeByWebSocket({
      url: service.url(),
      key: service.key,
      query: followDocument,
      variables: { id: await findBatch(service), after: told.at(-1)?.seq ?? null },
    });
  };
  const leave = async () => {
    await subscriber?.stop();
    told.push(...(subscriber?.messages ?? []).map(({ data }) => data.batchUpdated));
    subscriber = null;
  };
  return {
    async follow() {
      await open();
      await subscriber?.waitFor(() => true);
    },
    async resume() {
      if (subscriber === null) return;
      await leave();
      await open();
    },
    /** Reads what is left to read of a batch that is over or stays as it is; everything that was told. */
    async end() {
      await leave();
      await open();
      const { rows } = await service.db.read((q) =>
        q.execute<{ version: number }>(sql`select version from batches`),
      );
      if (told.at(-1)?.seq !== rows[0]?.version) await subscriber?.waitFor(() => true);
      await leave();
      return told;
    },
  };
}

const roundsMax = 100;

/** Turns the clock from one thing that is due to the next, until nothing is. */
async function settle(service: CrashableService): Promise<void> {
  for (let round = 0; round < roundsMax; round += 1) {
    const { rows } = await service.db.read((q) =>
      q.execute<{ at: Date | null }>(sql`select least(
        (select min(due_at) from batches), (select min(due_at) from jobs), (select min(due_at) from deliveries)) as at`),
    );
    const at = rows[0]?.at ?? null;
    if (at === null) return;
    await service.work(Math.max(0, (new Date(at).getTime() - service.now().getTime()) / 1000));
  }
  throw new Error(`after ${roundsMax} rounds there is still something due`);
}
