/**
 * Before the tests of one Postgres project: one server, and in it one migrated database that all others are
 * copied from. The project's name says which version. With `KEEP_DATABASES=1` in the environment everything is
 * left as it was at the end, and how to look at it is printed. At the end it says what the suites tried.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { startTestCluster, type TestedVersion } from './clusters.ts';
import { tellTried } from './tally.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgres: TestServer;
    /** The file in which what was tried is counted. */
    tally: string;
  }
}

/** What a test needs to know to make itself a database. */
export interface TestServer {
  /** The superuser's url of a database that nobody changes. */
  readonly url: string;
  /** The name of the database to copy. */
  readonly template: string;
  readonly version: TestedVersion;
  /** Whether databases stay when their tests are done. */
  readonly keep: boolean;
}

const versions: Readonly<Record<string, TestedVersion>> = {
  postgres18: 18,
  postgres14: 14,
  browser: 18,
  crashes: 18,
};
const template = 'batchql_template';

/** Starts the server and gives the tests its address; what comes back stops it. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const version = versions[project.name];
  if (version === undefined) throw new Error(`No version of Postgres belongs to project ${project.name}.`);
  const keep = process.env['KEEP_DATABASES'] === '1';
  const cluster = await startTestCluster(version);
  try {
    await makeTemplate(cluster.url);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  project.provide('postgres', { url: cluster.url, template, version, keep });
  const counting = await mkdtemp(join(tmpdir(), 'batchql-tally-'));
  const tally = join(counting, 'tried.jsonl');
  await writeFile(tally, '');
  project.provide('tally', tally);
  return async () => {
    const told = tellTried(tally);
    if (told !== null) console.log(`\n${project.name}: ${told}`);
    await rm(counting, { recursive: true, force: true });
    await (keep ? tellWhereItIs(project.name, cluster.url) : cluster.stop());
  };
}

async function makeTemplate(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    await sql`create database ${sql(template)}`;
    const templateUrl = new URL(url);
    templateUrl.pathname = template;
    await migrateDatabase(templateUrl.href);
    // Whoever is connected to a database prevents copies of it.
    await sql`alter database ${sql(template)} with is_template true allow_connections false`;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function tellWhereItIs(project: string, url: string): Promise<void> {
  const sql = postgres(url, { max: 1 });
  try {
    const [row] = await sql<{ directory: string; names: string[] }[]>`
      select current_setting('data_directory') as directory,
             array(select datname from pg_database where datname like 'test\\_%' order by 1) as names`;
    console.log(
      `${project}: kept ${row?.names.join(', ')}\n  at ${url}\n  stop it with: kill -INT $(head -1 ${row?.directory}/postmaster.pid)`,
    );
  } finally {
    await sql.end({ timeout: 5 });
  }
}
