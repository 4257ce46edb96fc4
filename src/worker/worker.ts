/**
 * The worker: takes tasks from the queue (graphile-worker wakes it within milliseconds of a commit), and sweeps
 * for what is due. Owns starting and stopping; what a task does is `catalog.ts`. Exclusion is not the queue's:
 * rows have leases.
 */
import { Logger as QueueLogger, type Runner, run, runTaskListOnce, type TaskList } from 'graphile-worker';
import { type TaskName, taskNames } from '../batches/work.ts';
import { strippedError } from '../db/errors.ts';
import type { Services } from '../services.ts';
import { catalog, type Lane, lanes } from './catalog.ts';
import { openQueuePool } from './queue-pool.ts';
import { keepHouse, sweep } from './sweep.ts';

/** A running worker. */
export interface Worker {
  /** Takes no new task, waits for the running ones or, after `graceSeconds`, tells them to stop. */
  stop(graceSeconds: number): Promise<void>;
}

const sweepMilliseconds = 1000;
const houseMilliseconds = 3_600_000;
const queuePollMilliseconds = 2000;
// The queue's own log repeats payloads and errors; what matters is logged by ourselves.
const silent = new QueueLogger(() => () => undefined);

/** Starts all lanes, the sweep and the housekeeping. Throws `DatabaseError` where the queue cannot be reached. */
export async function startWorker(services: Services, databaseUrl: string): Promise<Worker> {
  const stopping = new AbortController();
  const pool = openQueuePool(services, databaseUrl);
  const runners: Runner[] = [];
  try {
    await keepHouse(services);
    for (const lane of Object.keys(lanes) as Lane[]) {
      runners.push(
        await run({
          pgPool: pool,
          taskList: tasksOf(services, lane, stopping.signal),
          concurrency: lanes[lane],
          pollInterval: queuePollMilliseconds,
          noHandleSignals: true,
          logger: silent,
        }),
      );
    }
  } catch (error) {
    await Promise.allSettled(runners.map((runner) => runner.stop()));
    await pool.end();
    throw strippedError(error);
  }
  const sweeping = repeat(services, sweepMilliseconds, 'the sweep', () => sweep(services));
  const housekeeping = repeat(services, houseMilliseconds, 'the housekeeping', () => keepHouse(services));
  return {
    async stop(graceSeconds) {
      const patience = setTimeout(() => stopping.abort(), graceSeconds * 1000);
      // The runners first: what a last sweep still finds is for others.
      const ended = Promise.allSettled(runners.map((runner) => runner.stop()));
      await Promise.all([ended, sweeping.stop(), housekeeping.stop()]);
      clearTimeout(patience);
      await pool.end();
    },
  };
}

/** A worker that works when it is asked to; for tests and tools that turn the clock themselves. */
export interface HandWorker {
  /** Does everything that is due by the clock, and everything that follows from it now, then returns. */
  work(): Promise<void>;
  close(): Promise<void>;
}

/** Opens one; it connects on the first use. */
export function openHandWorker(services: Services, databaseUrl: string): HandWorker {
  const pool = openQueuePool(services, databaseUrl);
  const all = (Object.keys(lanes) as Lane[]).map((lane) =>
    tasksOf(services, lane, new AbortController().signal),
  );
  const taskList: TaskList = Object.assign({}, ...all);
  return {
    async work() {
      const client = await pool.connect();
      let broken = true;
      try {
        while ((await sweep(services)) > 0) {
          await runTaskListOnce({ logger: silent, noHandleSignals: true }, taskList, client);
        }
        broken = false;
      } catch (error) {
        throw strippedError(error);
      } finally {
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
}

/** Works once by hand, over a connection of its own. */
export async function workOnce(services: Services, databaseUrl: string): Promise<void> {
  const worker = openHandWorker(services, databaseUrl);
  try {
    await worker.work();
  } finally {
    await worker.close();
  }
}

function tasksOf(services: Services, lane: Lane, stop: AbortSignal): TaskList {
  const names = taskNames.filter((name) => catalog[name].lane === lane);
  return Object.fromEntries(
    names.map((name) => [name, (payload: unknown) => runTask(services, name, payload, stop)]),
  );
}

/** A failed task must not stay in the queue: the rows know what is still to be done. */
async function runTask(
  services: Services,
  name: TaskName,
  payload: unknown,
  stop: AbortSignal,
): Promise<void> {
  const id = idIn(payload);
  if (id === null) return;
  try {
    await catalog[name].run(services, id, stop);
  } catch (error) {
    services.log.error({ task: name, id, err: error }, 'a task failed; the sweep will wake it again');
  }
}

const idIn = (payload: unknown): string | null =>
  typeof payload === 'object' && payload !== null && 'id' in payload && typeof payload.id === 'string'
    ? payload.id
    : null;

/** Runs `work` again and again with pauses, never twice at once; failures are logged. */
function repeat({ log }: Services, milliseconds: number, name: string, work: () => Promise<unknown>) {
  let running: Promise<unknown> = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = work()
      .catch((error: unknown) => log.error({ err: error }, `${name} failed and will be tried again`))
      .finally(() => {
        busy = false;
      });
  }, milliseconds);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
