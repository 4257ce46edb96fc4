/**
 * The connections of the task queue. graphile-worker retries what it writes only for the errors that it knows, and a
 * connection that is refused or cut is none of them: the promise would reject with nobody to catch it, and end the
 * process. Here such an error says "the server is starting" (57P03), which the queue waits for.
 */
import pg from 'pg';
import { strippedError } from '../db/errors.ts';
import type { Services } from '../services.ts';

const connectionsMax = 9;

/** Opens the pool; connects on the first use. */
export function openQueuePool({ log }: Pick<Services, 'log'>, connectionString: string): pg.Pool {
  const pool = new pg.Pool({ connectionString, max: connectionsMax, application_name: 'batchql-queue' });
  const lost = (error: unknown) =>
    log.warn({ err: strippedError(error) }, 'a connection of the task queue was lost');
  pool.on('error', lost);
  pool.on('connect', (client) => {
    client.on('error', lost);
    waitable(client, 'query');
  });
  waitable(pool, 'connect');
  return pool;
}

/** Makes a method's promise reject with an error that the queue waits for, where the connection is at fault. */
function waitable<Name extends string>(target: Record<Name, unknown>, name: Name): void {
  const method = target[name];
  if (typeof method !== 'function') throw new TypeError(`there is no method ${name}`);
  Object.assign(target, {
    [name]: (...args: unknown[]): unknown => {
      const answer: unknown = Reflect.apply(method, target, args);
      return answer instanceof Promise ? answer.catch(rethrowWaitable) : answer;
    },
  });
}

function rethrowWaitable(error: unknown): never {
  const isOfServer = error instanceof Error && 'severity' in error;
  throw isOfServer || !(error instanceof Error) ? error : Object.assign(error, { code: '57P03' });
}
