/**
 * Cancelling against the clock: a batch is cancelled by one process while another closes, sends, looks for, polls or
 * collects it. A seed decides how old the job is, what is being done to it, and statement by statement which of the
 * two processes goes on. What the provider did is the measure.
 */
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { providerJobOf } from '../../src/batches/job-report.ts';
import { submitBatch } from '../../src/batches/submit.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import type { JobRow } from '../../src/db/tables/jobs.ts';
import { positionOfKey } from '../../src/domain/ids.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { isFinalJob, isTerminalBatch } from '../../src/domain/status.ts';
import { BatchStateError } from '../../src/errors.ts';
import type { Services } from '../../src/services.ts';
import { catalog } from '../../src/worker/catalog.ts';
import { type GatedLine, startGatedLine } from '../support/gated-line.ts';
import { type Interleaver, type Step, startInterleaver } from '../support/interleaving.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { countTried } from '../support/tally.ts';
import { batchNow, itemsNow, jobsNow, makeBatch, workNext } from '../support/verbs.ts';

const interleavings = 1_000;

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let interleaver: Interleaver;
let processes: Record<'worker' | 'caller', { line: GatedLine; db: Database; services: Services }>;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4', POLL_FIRST_SECONDS: '1' });
  services = service.app.services;
  ({ scope } = await service.addOrganization('racing'));
  interleaver = await startInterleaver(service.app.databaseUrl);
  const process = async () => {
    const line = await startGatedLine(service.app.databaseUrl);
    const db = openDatabase({ url: line.url, connectionsMax: 2 });
    return { line, db, services: { ...services, db } };
  };
  processes = { worker: await process(), caller: await process() };
});
afterAll(async () => {
  for (const { line, db } of Object.values(processes)) {
    await db.close();
    await line.end();
  }
  await interleaver.end();
  await service.close();
});

/** Chance that follows from a seed, `mulberry32`. */
function chanceOf(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

type Task = keyof typeof catalog;
const run = (by: Services, task: Task, { id }: JobRow) =>
  catalog[task].run(by, id, new AbortController().signal);

/** How far the batch has come when it is cancelled, and what the worker does to it meanwhile. */
interface Scene {
  readonly before: readonly (Task | number | 'lose the answer')[];
  readonly meanwhile: readonly Task[];
}

/** A number is seconds that pass. A job takes some four, so that after two about half of it is done. */
const scenes: Readonly<Record<string, Scene>> = {
  'being sent': { before: [], meanwhile: ['job.submit', 'job.poll'] },
  'being looked for': {
    before: ['lose the answer', 'job.submit'],
    meanwhile: ['job.submit', 'job.poll'],
  },
  'half done': { before: ['job.submit', 2], meanwhile: ['job.poll', 'job.collect'] },
  'done at the provider': { before: ['job.submit', 9], meanwhile: ['job.poll', 'job.collect'] },
  'being collected': { before: ['job.submit', 9, 'job.poll'], meanwhile: ['job.collect'] },
};
const sceneNames = ['being closed', ...Object.keys(scenes)];
/** Found by circumstances, by a key, and in parts; one of them tells results while it runs. */
const raced = ['anthropic', 'openai', 'xai'];

/** What came of one seed. */
interface Race {
  readonly scene: string;
  readonly steps: readonly Step[];
  readonly outcome: string;
}

async function race(seed: number): Promise<Race> {
  const chance = chanceOf(seed);
  const provider = raced[chance(raced.length)] ?? '';
  const name = sceneNames[chance(sceneNames.length)] ?? '';
  const texts = Array.from({ length: 1 + chance(4) }, (_, index) => `request ${index}`);
  const scene = scenes[name];
  const { id } = await makeBatch(services, scope, {
    provider,
    texts,
    ...(scene === undefined ? { submit: { kind: 'MANUAL' } } : {}),
  });
  const [job] = await jobsNow(services, id);
  for (const step of scene?.before ?? []) {
    if (typeof step === 'number') service.clock.advance({ seconds: step });
    else if (step === 'lose the answer') {
      const { faults, operations } = service.emulator(provider);
      faults.add({ operation: operations.create, effect: { kind: 'accept-and-drop' } });
    } else if (job !== undefined) await run(services, step, job);
  }
  // Some seeds let the worker come far before the caller begins, others the caller; most let them alternate.
  const leaning = [2, 8, 14, 18, 19][chance(5)] ?? 0;
  const steps = await interleaver.run(
    [
      {
        name: 'worker',
        line: processes.worker.line,
        work: () => work(processes.worker.services, id, job, scene),
      },
      {
        name: 'caller',
        line: processes.caller.line,
        work: () => cancelBatch(processes.caller.services, scope, id),
      },
    ],
    (names) => (names.length > 1 ? (names[chance(20) < leaning ? 0 : 1] ?? '') : (names[0] ?? '')),
  );
  while (await workNext(services, service.clock, id));
  return { scene: `${provider} ${name}`, steps, outcome: await judge(id) };
}

async function work(
  by: Services,
  id: string,
  job: JobRow | undefined,
  scene: Scene | undefined,
): Promise<void> {
  if (job !== undefined) {
    for (const task of scene?.meanwhile ?? []) await run(by, task, job);
    return;
  }
  try {
    await submitBatch(by, scope, id);
  } catch (error) {
    // The cancellation was there first.
    if (!(error instanceof BatchStateError)) throw error;
  }
}

/** The outcome at the provider of each item of a job that it has, by position. */
async function doneAtProvider(job: JobRow): Promise<Map<number, string>> {
  const done = new Map<number, string>();
  const entry = services.providers.find(job.provider);
  if (entry === null || job.providerJobId === null) return done;
  const { signal } = new AbortController();
  const report = await entry.client().retrieve(providerJobOf(job), signal);
  if (!report.resultsReady) return done;
  for await (const { lines } of entry.client().results({ ...providerJobOf(job), report }, null, signal)) {
    for (const line of lines) {
      const read = entry.provider.decoding.decode(line);
      const position = read.kind === 'result' ? positionOfKey(job.nonce, read.key) : null;
      if (read.kind === 'result' && position !== null) done.set(position, read.outcome.status);
    }
  }
  return done;
}

/** The batch has ended as its provider and its caller made it end, item by item; answers how. */
async function judge(id: string): Promise<string> {
  const batch = await batchNow(services, id);
  const jobs = await jobsNow(services, id);
  const items = await itemsNow(services, id);
  const [job] = jobs;
  const done = job === undefined ? new Map<number, string>() : await doneAtProvider(job);
  expect(isTerminalBatch(batch.status)).toBe(true);
  expect(jobs.every(({ status, collected }) => isFinalJob(status) && collected)).toBe(true);
  expect(items.map(({ status }) => status)).toEqual(items.map((_, at) => done.get(at) ?? 'CANCELLED'));
  const succeeded = [...done.values()].filter((status) => status === 'SUCCEEDED').length;
  expect(batch).toMatchObject({
    status: succeeded > 0 ? 'COMPLETED' : 'CANCELLED',
    total: items.length,
    succeeded,
    cancelled: items.length - succeeded,
  });
  if (batch.cancellingAt === null) return 'too late';
  if (job?.providerJobId == null) return 'never sent';
  return succeeded === 0 ? 'none done' : succeeded < items.length ? 'part done' : 'all done';
}

const orderOf = ({ scene, steps }: Race): string =>
  `${scene}: ${steps.map(({ flow }) => (flow === 'worker' ? 'w' : 'c')).join('')}`;

describe('A batch that is cancelled by one process while another works on it', () => {
  it(`keeps exactly the work that its provider did, in ${interleavings} orders of their statements`, {
    timeout: 600_000,
  }, async () => {
    const orders = new Set<string>();
    const outcomes = new Map<string, number>();
    for (let seed = 0; seed < interleavings; seed += 1) {
      let result: Race;
      try {
        result = await race(seed);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
      orders.add(orderOf(result));
      outcomes.set(result.outcome, (outcomes.get(result.outcome) ?? 0) + 1);
      if (seed % 100 === 99) await expectInvariants(services.db);
    }
    countTried('seeds', interleavings);
    console.log(
      `${interleavings} interleavings, ${orders.size} of them distinct: ${JSON.stringify(Object.fromEntries(outcomes))}`,
    );
    // The seeds reach every kind of moment, else they would prove little.
    expect([...outcomes.keys()].toSorted()).toEqual([
      'all done',
      'never sent',
      'none done',
      'part done',
      'too late',
    ]);
    expect(orders.size).toBeGreaterThan(interleavings / 2);
    // Every batch that a provider was made to begin belongs to one job.
    const { rows } = await services.db.read((q) =>
      q.execute<{ id: string }>(
        sql`select provider_job_id as id from jobs where provider_job_id is not null`,
      ),
    );
    const made = await Promise.all(raced.map((provider) => service.emulator(provider).batches()));
    expect(rows.map(({ id }) => id).toSorted()).toEqual(
      made
        .flat()
        .map(({ id }) => id)
        .toSorted(),
    );
  });

  it('meets the same order again for the same seed', async () => {
    for (const seed of [3, 17, 99]) expect(orderOf(await race(seed))).toBe(orderOf(await race(seed)));
  });
});
