/**
 * Postgres clusters for tests: real servers in temporary directories, without any durability, gone at the end.
 * One per version and test run, started in vitest's globalSetup; databases inside them are made elsewhere.
 */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import postgres from 'postgres';
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { platformPackageName } from '../../src/db/embedded/platform-package.ts';

/** The newest supported major version of Postgres, which the service embeds, and the oldest. */
export type TestedVersion = 18 | 14;

/** A running cluster. */
export interface TestCluster {
  /** The superuser's url of a database to make others from. */
  readonly url: string;
  /** Stops the server in order and starts it again; the url from then on, at another port. */
  restart(): Promise<string>;
  /** Stops the server and removes everything it wrote. */
  stop(): Promise<void>;
}

/** Settings for data that nobody will miss: fast, and nothing survives a power failure. */
export const throwawaySettings = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  // The crash walks keep hundreds.
  max_connections: '600',
};

/** Starts a cluster of this version of its own, as root or as an ordinary user. */
export async function startTestCluster(version: TestedVersion): Promise<TestCluster> {
  const directory = await createTemporaryDirectory();
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const hbaFile = join(directory, 'pg_hba.conf');
    await writeFile(hbaFile, whoMayConnect);
    const options = {
      dataDirectory: join(directory, 'data'),
      settings: { ...throwawaySettings, hba_file: hbaFile },
      binariesPackagePath: await findPackagePath(version),
    };
    let server = await startEmbeddedPostgres(options);
    if (version !== 14) await hashPasswordOnce(server.url);
    return {
      url: server.url,
      async restart() {
        await server.stop();
        server = await startEmbeddedPostgres(options);
        return server.url;
      },
      stop: () => server.stop().then(remove),
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Whoever comes says the password as it is: it goes through this machine only, and hashing it takes both sides longer than all else. */
const whoMayConnect = 'host all all 127.0.0.1/32 password\n';

/** Has the server hash what it is told once and not 4096 times: a password by chance cannot be guessed. Version 14 cannot. */
async function hashPasswordOnce(url: string): Promise<void> {
  const sql = postgres(url, { max: 1 });
  try {
    await sql`set scram_iterations = 1`;
    await sql.unsafe(`alter role current_user password '${new URL(url).password}'`);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/**
 * The directory of the package with this version's programs; undefined for the embedded version, which is
 * found by itself. Fails with one sentence when the workspace of version 14 is not installed.
 */
export async function findPackagePath(version: TestedVersion): Promise<string | undefined> {
  if (version === 18) return undefined;
  const workspace = createRequire(new URL('../postgres14/package.json', import.meta.url));
  try {
    const directory = resolve(workspace.resolve(platformPackageName), '../..');
    const { version: found } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
    // Where the workspace is not installed, node finds the embedded version further up.
    if (String(found).startsWith('14.')) return directory;
  } catch {}
  throw new Error('The tests need Postgres 14 from the workspace test/postgres14; run "npm ci" in the root.');
}

/** A new empty directory below the system's temporary one, which every user may enter. */
export async function createTemporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'batchql-test-'));
  await chmod(directory, 0o755);
  return directory;
}
