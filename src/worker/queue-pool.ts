/**
 * The connections of the task queue. graphile-worker retries what it writes only for the errors that it knows, and a
 * connection that is refused or cut is none of them: the promise would reject with nobody to catch it, and end the
 * process. Here such an error says "the server is starting" (57P03), which the queue waits for. A connection that is
 * dead without a word fails in the same way, when a statement has gone unanswered for too long, and is thrown away.
 */
import pg from 'pg';
import { strippedError } from '../db/errors.ts';
import type { Services } from '../services.ts';

const connectionsMax = 9;
/** The queue's statements take milliseconds. */
const answerSecondsDefault = 60;
const connectSeconds = 10;
const keepAliveSeconds = 10;

/** Opens the pool; connects on the first use. */
export function openQueuePool(
  { log }: Pick<Services, 'log'>,
  connectionString: string,
  answerSeconds = answerSecondsDefault,
): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    max: connectionsMax,
    application_name: 'batchql-queue',
    connectionTimeoutMillis: connectSeconds * 1000,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveSeconds * 1000,
    query_timeout: answerSeconds * 1000,
  });
  const lost = (error: unknown) =>
    log.warn({ err: strippedError(error) }, 'a connection of the task queue was lost');
  pool.on('error', lost);
  pool.on('connect', (client) => {
    client.on('error', lost);
    // Whatever was asked is still on its way there; behind it nothing would be answered either.
    waitable(client, 'query', () => void client.end().catch(lost));
  });
  waitable(pool, 'connect', () => undefined);
  return pool;
}

/** Makes a method's promise reject with an error that the queue waits for, where the connection is at fault. */
function waitable<Name extends string>(target: Record<Name, unknown>, name: Name, isLost: () => void): void {
  const method = target[name];
  if (typeof method !== 'function') throw new TypeError(`there is no method ${name}`);
  Object.assign(target, {
    [name]: (...args: unknown[]): unknown => {
      const answer: unknown = Reflect.apply(method, target, args);
      return answer instanceof Promise ? answer.catch((error) => rethrowWaitable(error, isLost)) : answer;
    },
  });
}

function rethrowWaitable(error: unknown, isLost: () => void): never {
  if (!(error instanceof Error) || 'severity' in error) throw error;
  isLost();
  throw Object.assign(error, { code: '57P03' });
}
