/**
 * What a row is handed to measure with: a Postgres of its own with everyday settings, databases in it, and services
 * that run in processes of their own, so that load and service never share one. Everything goes when the row is over.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/db/embedded/embedded-postgres.ts';
import { migrateDatabase } from '../src/db/migrate.ts';

/** The parts that a row measures with. */
export interface Bench {
  /** Whether the sizes of `--full` are asked for. */
  readonly full: boolean;
  /** Says what is being done, on the error output. */
  say(what: string): void;
  /** A new database with the current schema and no rows. */
  database(): Promise<BenchDatabase>;
  /** A service on a database, in a process of its own. */
  service(options: ServiceOptions): Promise<BenchService>;
  /** A program of one's own, such as a generator of load, in a process of its own; killed when the row is over. */
  program(file: string, args?: readonly string[]): ChildProcess;
}

/** A database to measure in. */
export interface BenchDatabase {
  readonly url: string;
  /** Runs a statement. */
  query(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
}

/** How a service is started. */
export interface ServiceOptions {
  readonly databaseUrl: string;
  /** Settings beside the usual ones, see `docs/config.md`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** A running service. */
export interface BenchService {
  readonly url: string;
  /** An admin key of its first organization. */
  readonly key: string;
  /** The data of an answer; throws where it has errors. */
  query(document: string, variables?: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>>;
  /** What the process holds in memory now, in bytes. */
  residentBytes(): Promise<number>;
  /** The most that it held since it began, or since it was last asked for what it holds at rest, in bytes. */
  residentBytesMax(): Promise<number>;
  /** What the process holds while it has nothing to do, in bytes. */
  residentBytesAtRest(): Promise<number>;
  /** The processor time that it took since it began, in seconds. */
  processorSeconds(): Promise<number>;
  stop(): Promise<void>;
}

const key = 'bq_bench_0123456789abcdef';
const bin = fileURLToPath(new URL('../bin/batchql.js', import.meta.url));
/** Nothing listens there: what a service under measurement must not call, it cannot. */
const nowhere = 'http://127.0.0.1:9';

/** Runs `work` with what it measures with, and takes all of it down. */
export async function withBench<T>(full: boolean, work: (bench: Bench) => Promise<T>): Promise<T> {
  const undo: (() => Promise<unknown>)[] = [];
  let server: Promise<EmbeddedPostgres> | undefined;
  const start = async () => {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-bench-'));
    undo.push(() => rm(directory, { recursive: true, force: true }));
    await chmod(directory, 0o755);
    const started = await startEmbeddedPostgres({
      dataDirectory: join(directory, 'data'),
      settings: { shared_preload_libraries: 'pg_stat_statements' },
    });
    undo.push(() => started.stop());
    await countStatements(started.url, 'none');
    return started;
  };
  try {
    return await work({
      full,
      say: (what) => console.error(`  ${what}`),
      async database() {
        server ??= start();
        const database = await newDatabase((await server).url);
        undo.push(() => database.close());
        return database;
      },
      async service(options) {
        const service = await startService(options);
        undo.push(() => service.stop());
        return service;
      },
      program(file, args = []) {
        const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
        undo.push(async () => child.kill('SIGKILL'));
        return child;
      },
    });
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

/** The processor time that a process took since it began, in seconds; of all its threads. */
export async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in brackets, which may hold anything.
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) / ticksPerSecond;
}

/** Of the kernel's, to programs: the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Says which statements the server counts in `pg_stat_statements`; none until a row asks for it, because it takes time. */
export async function countStatements(url: string, which: 'none' | 'top'): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`alter system set pg_stat_statements.track = ${which}`);
  await client.query('select pg_reload_conf()');
  await client.end();
}

let databases = 0;

async function newDatabase(serverUrl: string) {
  databases += 1;
  const name = `bench_${databases}`;
  const administrator = new pg.Client({ connectionString: serverUrl });
  await administrator.connect();
  await administrator.query(`create database ${name}`);
  await administrator.end();
  const url = new URL(serverUrl);
  url.pathname = name;
  await migrateDatabase(url.href);
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return {
    url: url.href,
    query: async (text: string, values: readonly unknown[] = []) =>
      (await client.query(text, [...values])).rows,
    close: () => client.end(),
  };
}

async function startService({
  databaseUrl,
  settings = {},
  args = [],
}: ServiceOptions): Promise<BenchService> {
  const child = spawn(process.execPath, [bin, 'start', ...args], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DATABASE_URL: databaseUrl,
      BATCHQL_API_KEY: key,
      PORT: '0',
      ANTHROPIC_API_KEY: 'none',
      ANTHROPIC_BASE_URL: nowhere,
      OPENAI_API_KEY: 'none',
      OPENAI_BASE_URL: nowhere,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'close');
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (text) => {
      const line = text.startsWith('{') ? (JSON.parse(text) as { msg?: string; url?: string }) : {};
      if (line.msg === 'BatchQL is running') resolve(line.url ?? '');
    });
    child.once('close', () => reject(new Error('the service ended before it was running')));
  });
  const memory = async (field: string) => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  };
  return {
    url,
    key,
    async query(query, variables) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ query, variables }),
      });
      const answer = (await response.json()) as { data?: Record<string, unknown>; errors?: unknown };
      if (answer.errors !== undefined || !answer.data) throw new Error(JSON.stringify(answer));
      return answer.data;
    },
    residentBytes: () => memory('VmRSS'),
    residentBytesMax: () => memory('VmHWM'),
    async residentBytesAtRest() {
      // Linux then forgets the most that was held so far.
      await writeFile(`/proc/${child.pid}/clear_refs`, '5');
      return memory('VmRSS');
    },
    processorSeconds: () => processorSeconds(child.pid ?? 0),
    async stop() {
      child.kill('SIGTERM');
      await exit;
    },
  };
}
