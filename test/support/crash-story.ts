/**
 * The lives that are walked through: a batch that is kept to its end, and one that is cancelled while it runs. Each is
 * told step by step, as by a person who makes the call again that the crash cut off; any step can be taken twice.
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

/** The lives, each that of one batch. */
export const plots = ['kept', 'cancelled'] as const;
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

type Step = readonly [act: string, take: () => Promise<unknown>];

function stepsOf(plot: Plot, service: CrashableService, follower: Follower): readonly Step[] {
  const opening: readonly Step[] = [
    ['create', () => ensureBatch(service)],
    ['follow', () => follower.follow()],
    ['submit', () => service.work(0)],
  ];
  const plotted = {
    kept: [
      ['poll', () => service.work(10)],
      ['ingest', () => service.work(10)],
    ],
    cancelled: [
      ['cancel', () => cancel(service)],
      ['cancel', () => service.work(6)],
      ['ingest', () => service.work(10)],
    ],
  } as const satisfies Record<Plot, readonly Step[]>;
  return [...opening, ...plotted[plot]];
}

/** Enough that the results come in three chunks, of 10, 20 and what is left. */
const requestsAtLeast = 33;

/** The batch's requests; the second is refused by the provider. */
export const requestsOf = ({ name, limits }: Provider) =>
  Array.from({ length: Math.max(limits.requestsMin, requestsAtLeast) }, (_, index) => ({
    customId: `request ${index}`,
    body: bodyFor(name, `question ${index}`, index === 1 ? 'emulate:errored' : '', index),
  }));

/** Makes the batch, unless a call that was cut off has made it. */
async function ensureBatch(service: CrashableService): Promise<void> {
  const { provider } = service;
  if (service.lives() > 1 && (await findBatch(service)) !== null) return;
  await query(service, mutationDocument('createBatch'), {
    input: {
      provider: provider.name,
      ...modelFor(provider.name),
      submit: 'NOW',
      requests: { list: requestsOf(provider) },
    },
  });
}

async function cancel(service: CrashableService): Promise<void> {
  const id = await findBatch(service);
  await query(service, mutationDocument('cancelBatch'), { input: { batchId: id } });
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
