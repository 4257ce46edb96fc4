/**
 * The connection pool, and the two ways to use it: a read and a transaction. Everything goes through them, so
 * that every error that leaves is stripped (`errors.ts`). Statements live in `queries/`, tables in `tables/`.
 *
 * Two drivers: `pg` for statements, because a connection that is cut inside a transaction is then one failed call
 * and not the end of the process (docs/decisions/storage.md); postgres.js for LISTEN, which it takes up again by
 * itself.
 */
import type { SQL } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import postgres from 'postgres';
import { connectionSocket } from './connection-socket.ts';
import { type CopiedRows, type CopyMemory, copyOut, copyStatement } from './copy-out.ts';
import { strippedError } from './errors.ts';

/** What a query function runs on: the pool or a transaction. */
export type Queryable = NodePgDatabase;

/** The database, as the rest of the service sees it. */
export interface Database {
  /** Runs statements outside a transaction. Throws `DatabaseError` for what the database refuses. */
  read<T>(work: (db: Queryable) => Promise<T>): Promise<T>;
  /** Runs statements in one transaction, committed when `work` resolves. Throws as `read` does. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /** What is selected, by a COPY outside a transaction, into memory that is used again. Throws as `read` does. */
  copyOut(selection: SQL, memory: CopyMemory): Promise<CopiedRows>;
  /**
   * Listens on a channel over a connection of its own. `onListening` is called each time listening begins: the
   * first time, and after every reconnection, when notifications may have been missed.
   */
  listen(channel: string, onMessage: (payload: string) => void, onListening: () => void): Promise<Listener>;
  /** What the pool's connections do, the listener's apart. */
  connections(): { readonly used: number; readonly idle: number; readonly waiting: number };
  close(): Promise<void>;
}

/** A running LISTEN. */
export interface Listener {
  close(): Promise<void>;
}

/** How to connect. */
export interface DatabaseOptions {
  readonly url: string;
  /** For LISTEN where `url` is a pooler; `url` where absent. */
  readonly directUrl?: string;
  /** Connections at the most, the listener's apart. */
  readonly connectionsMax?: number;
  /** How long a statement may go unanswered; 0: for ever. Longer than any of a service's own takes where left out. */
  readonly answerSeconds?: number;
  /** Called with the text of each statement sent; for tests that count them. Parameters are not handed over. */
  readonly onStatement?: (statement: string) => void;
}

const connectSeconds = 10;
/** A connection can be dead without a word: then nobody answers, and nobody says so for a quarter of an hour. */
const answerSecondsDefault = 120;
/** From when on a connection that says nothing is asked whether it lives; the system's own default is two hours. */
const keepAliveSeconds = 10;
const application = 'batchql';

/** Opens the pool; connects on the first use. */
export function openDatabase(options: DatabaseOptions): Database {
  const { onStatement, answerSeconds = answerSecondsDefault } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connectionsMax ?? 10,
    application_name: application,
    connectionTimeoutMillis: connectSeconds * 1000,
    stream: connectionSocket,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveSeconds * 1000,
    query_timeout: answerSeconds * 1000,
  });
  // A connection that is lost while nobody uses it is replaced by the pool; whoever used it sees its own error.
  const lost = () => undefined;
  pool.on('error', lost);
  pool.on('connect', (client) => client.on('error', lost));
  const tools = onStatement === undefined ? {} : { logger: { logQuery: onStatement } };
  const pooled = drizzle(pool, tools);
  const listeners = new Set<postgres.Sql>();

  return {
    read: (work) => stripped(() => work(pooled)),
    copyOut(selection, memory) {
      const statement = copyStatement(selection);
      onStatement?.(statement);
      return stripped(() => copyOut(pool, statement, memory));
    },
    transaction: (work) => stripped(() => inTransaction(pool, (client) => work(drizzle(client, tools)))),
    async listen(channel, onMessage, onListening) {
      const direct = postgres(options.directUrl ?? options.url, {
        max: 1,
        connection: { application_name: application },
        onnotice: () => undefined,
      });
      listeners.add(direct);
      // Cut and not asked to end: the other side may be gone without a word.
      const close = async () => {
        listeners.delete(direct);
        await direct.end({ timeout: 0 });
      };
      try {
        await stripped(() => direct.listen(channel, onMessage, onListening));
      } catch (error) {
        await close();
        throw error;
      }
      return { close };
    },
    connections() {
      const { totalCount, idleCount: idle, waitingCount: waiting } = pool;
      return { used: totalCount - idle, idle, waiting };
    },
    async close() {
      await Promise.all([pool.end(), ...[...listeners].map((direct) => direct.end({ timeout: 0 }))]);
    },
  };
}

/** A process that stops in the middle of a transaction, or waits for one, must not hold a batch for ever. */
const beginning =
  "begin; set local idle_in_transaction_session_timeout = '60s'; set local lock_timeout = '30s'";

/** Behind a statement that nobody answers it would wait as long once more; otherwise it takes no time. */
const rollback = { text: 'rollback', query_timeout: 1000 };

/** A connection whose transaction could not be ended in order is thrown away, never handed to the next. */
async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = true;
  try {
    await client.query(beginning);
    const result = await work(client);
    await client.query('commit');
    broken = false;
    return result;
  } catch (error) {
    broken = await client.query(rollback).then(
      () => false,
      () => true,
    );
    throw error;
  } finally {
    client.release(broken);
  }
}

async function stripped<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw strippedError(error);
  }
}
