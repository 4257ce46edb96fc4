/**
 * The guarantees of the embedded Postgres, on real servers: what a start gives, what survives a crash, who may
 * stop the server, and what a start says when it cannot be done. Root and an ordinary user run the same tests;
 * where their guarantees differ, the title says so.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, lstatSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../src/db/embedded/embedded-postgres.ts';
import { findPlatformPackage, libcOf } from '../../src/db/embedded/platform-package.ts';
import { systemPlace } from '../../src/db/embedded/shared-place.ts';
import { StartError } from '../../src/errors.ts';
import { createTemporaryDirectory, findPackagePath, throwawaySettings } from '../support/clusters.ts';

const isRoot = process.getuid?.() === 0;

/** Most tests share one data directory, whose server each of them starts and stops: creating one takes long. */
let shared: string;
/** Another, with a cluster of Postgres 14. */
let sharedOld: string;
const undoAll: Array<() => Promise<unknown>> = [];
const undo: Array<() => Promise<unknown>> = [];

beforeAll(async () => {
  shared = join(await newDirectory(undoAll), 'data');
  sharedOld = join(await newDirectory(undoAll), 'data');
});
afterEach(() => runBackwards(undo));
afterAll(() => runBackwards(undoAll));

describe('A start', () => {
  it('gives a new data directory a UTF-8 database on a Postgres 18 that listens on 127.0.0.1 alone', async () => {
    const server = await start({ dataDirectory: join(await newDirectory(), 'new'), database: 'another' });
    expect(server.reused).toBe(false);
    expect(await ask(server.url, 'show server_version')).toMatch(/^18\./);
    expect(await ask(server.url, 'show server_encoding')).toBe('UTF8');
    expect(await ask(server.url, 'select current_database()')).toBe('another');
    expect(await ask(server.url, 'show listen_addresses')).toBe('127.0.0.1');
    expect(await ask(server.url, 'show unix_socket_directories')).toBe('');
  });

  it('keeps data directory and cluster private, and runs as an unprivileged user', async () => {
    const server = await start({ dataDirectory: shared });
    for (const directory of [server.dataDirectory, join(server.dataDirectory, 'postgres')]) {
      const { mode, uid } = await stat(directory);
      expect(mode & 0o777).toBe(0o700);
      expect(uid).toBe(isRoot ? 65534 : process.getuid?.());
    }
  });

  it('keeps the password in a file of mode 0600 and refuses connections with another password', async () => {
    const server = await start({ dataDirectory: shared });
    const file = join(shared, 'postgres.password');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(new URL(server.url).password).toBe(await readFile(file, 'utf8'));
    const forged = Object.assign(new URL(server.url), { password: 'guessed' });
    await expect(ask(forged.href, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it.runIf(process.platform === 'linux')('hands nothing of our environment to the server', async () => {
    vi.stubEnv('BATCHQL_TEST_SECRET', 'sk-test');
    await start({ dataDirectory: shared });
    vi.unstubAllEnvs();
    expect(await readFile(`/proc/${await readServerPid(shared)}/environ`, 'latin1')).not.toContain('sk-test');
  });

  it('keeps what a failing statement carried out of the log', async () => {
    const server = await start({ dataDirectory: shared });
    await expect(ask(server.url, `select jsonb '{"prompt": secret}'`)).rejects.toThrow(
      'invalid input syntax',
    );
    const log = await readFile(join(shared, 'postgres.log'), 'utf8');
    expect(log).toContain('invalid input syntax for type json');
    expect(log).not.toContain('prompt');
  });

  it('finds the data of the last one', async () => {
    const first = await start({ dataDirectory: shared });
    await ask(first.url, 'create table found as select 42 as answer');
    await first.stop();
    await expectGone(first);
    const second = await start({ dataDirectory: shared });
    expect(second.reused).toBe(false);
    expect(await ask(second.url, 'select answer from found')).toBe(42);
  });

  it('runs the programs of Postgres 14 as well', async () => {
    const server = await start({ dataDirectory: sharedOld, binariesPackagePath: await findPackagePath(14) });
    expect(await ask(server.url, 'show server_version')).toMatch(/^14\./);
  });
});

describe('A checkout', () => {
  let checkout: string;
  const version = `18.4.0-test-${randomUUID()}`;

  beforeAll(async () => {
    checkout = await newDirectory(undoAll);
    await copyPackageWithoutLinks(join(checkout, 'package'), version);
    undoAll.push(() => rm(join(systemPlace, `binaries-${version}`), { recursive: true, force: true }));
  });

  it('that was installed without scripts, and so without links between libraries, can start', async () => {
    const server = await start({ dataDirectory: shared, binariesPackagePath: join(checkout, 'package') });
    expect(await ask(server.url, 'select 1')).toBe(1);
  });

  it(`in a private home can be started by ${isRoot ? 'root' : 'the owner of the home'}`, async () => {
    await chmod(checkout, 0o700);
    const server = await start({ dataDirectory: shared, binariesPackagePath: join(checkout, 'package') });
    expect(await ask(server.url, 'select 1')).toBe(1);
  });

  const place = isRoot ? 'in /var/lib/batchql when root starts it' : 'in .data when its owner starts it';
  it(`in a private home keeps its data ${place}`, async () => {
    const home = await newDirectory();
    await chmod(home, 0o700);
    const child = await startInChild({}, home);
    undo.push(() => rm(child.dataDirectory, { recursive: true }));
    expect(child.dataDirectory).toMatch(isRoot ? /^\/var\/lib\/batchql\/[0-9a-f]{16}$/ : join(home, '.data'));
    expect(await ask(child.url, 'select 1')).toBe(1);
    await child.stop();
  });
});

describe('After the sudden death', () => {
  it('of the owner, the next start finds the server running and owns it', async () => {
    const owner = await startInChild({ dataDirectory: shared });
    await owner.kill();
    const successor = await start({ dataDirectory: shared });
    expect(successor).toMatchObject({ reused: true, url: owner.url });
    await successor.stop();
    await expectGone(owner);
  });

  it('of the owner, a guest that stops stops the server', async () => {
    const owner = await startInChild({ dataDirectory: shared });
    const guest = await start({ dataDirectory: shared });
    await owner.kill();
    await guest.stop();
    await expectGone(owner);
  });

  it('of the server, the next start recovers what was committed', async () => {
    const settings = { ...throwawaySettings, synchronous_commit: 'on' };
    const first = await start({ dataDirectory: shared, settings });
    await ask(first.url, 'create table recovered as select 42 as answer');
    await killServer(shared);
    await first.stop();
    const second = await start({ dataDirectory: shared });
    expect(await ask(second.url, 'select answer from recovered')).toBe(42);
  });

  it('of a start that was still creating the cluster, the next one begins anew', async () => {
    const dataDirectory = await newDirectory();
    const child = spawnStarter({ dataDirectory });
    await vi.waitFor(() => hasHalfACluster(dataDirectory), { interval: 5, timeout: 20_000 });
    await end(child, () => child.kill('SIGKILL'));
    const server = await start({ dataDirectory });
    expect(server.reused).toBe(false);
    expect(await ask(server.url, 'select 1')).toBe(1);
  });

  it('of everything, a pid file whose pid belongs to somebody else by now is no obstacle', async () => {
    const first = await start({ dataDirectory: shared });
    const pidFile = join(shared, 'postgres', 'postmaster.pid');
    const leftover = (await readFile(pidFile, 'utf8')).replace(/^\d+/, String(spawnBystander().pid));
    await first.stop();
    await writeFile(pidFile, leftover);
    const second = await start({ dataDirectory: shared });
    expect(second.reused).toBe(false);
  });
});

describe('A guest', () => {
  it('uses the server of the owner and leaves it running', async () => {
    const owner = await startInChild({ dataDirectory: shared });
    const guest = await start({ dataDirectory: shared });
    expect(guest).toMatchObject({ reused: true, url: owner.url });
    await guest.stop();
    expect(await ask(owner.url, 'select 1')).toBe(1);
    await owner.stop();
    await expectGone(owner);
  });

  it('that comes while the owner still creates the cluster waits for it', async () => {
    const dataDirectory = await newDirectory();
    const servers = await Promise.all([1, 2, 3].map(() => start({ dataDirectory })));
    expect(new Set(servers.map((server) => server.url)).size).toBe(1);
    expect(servers.filter((server) => !server.reused)).toHaveLength(1);
  });
});

describe('A start that cannot be done says in one sentence', () => {
  it('that the cluster is of another major version', async () => {
    const old = await start({ dataDirectory: sharedOld, binariesPackagePath: await findPackagePath(14) });
    await old.stop();
    const expected = /holds a cluster of Postgres 14 and the embedded one is Postgres 18/;
    await expectStartError({ dataDirectory: sharedOld }, expected);
  });

  it('that the data directory cannot be used', async () => {
    const file = join(await newDirectory(), 'file');
    await writeFile(file, '');
    await expectStartError({ dataDirectory: join(file, 'data') }, /data cannot be used: not a directory\.$/);
  });

  it.runIf(isRoot)(
    'that root asked for a data directory which the unprivileged user cannot reach',
    async () => {
      const home = await newDirectory();
      await chmod(home, 0o700);
      await expectStartError({ dataDirectory: join(home, 'data') }, /unprivileged user .* cannot reach/);
    },
  );

  it('what the server said before it exited, and the next start is free to do better', async () => {
    const settings = { ...throwawaySettings, shared_buffers: 'plenty' };
    const expected = /^Postgres exited while starting: invalid value for parameter "shared_buffers"/;
    await expectStartError({ dataDirectory: shared, settings }, expected);
    const server = await start({ dataDirectory: shared });
    expect(server.reused).toBe(false);
  });

  it('that no package for this system is installed', async () => {
    const elsewhere = await newDirectory();
    await expectStartError({ dataDirectory: shared, binariesPackagePath: elsewhere }, /is not installed/);
  });

  it('that something other than a cluster stands in its place, and touches nothing', async () => {
    const dataDirectory = await newDirectory();
    await mkdir(join(dataDirectory, 'postgres', 'precious'), { recursive: true });
    await writeFile(join(dataDirectory, 'postgres.password'), 'precious');
    await expectStartError({ dataDirectory }, /^The cluster cannot be created: directory not empty\.$/);
    expect(await readdir(join(dataDirectory, 'postgres'))).toEqual(['precious']);
    expect(await readFile(join(dataDirectory, 'postgres.password'), 'utf8')).toBe('precious');
  });

  it('that the password of the cluster is missing', async () => {
    const dataDirectory = await newDirectory();
    await mkdir(join(dataDirectory, 'postgres'));
    await writeFile(join(dataDirectory, 'postgres', 'PG_VERSION'), '18\n');
    await expectStartError({ dataDirectory }, /postgres\.password is missing/);
  });
});

describe('The C library of a Linux', () => {
  it('is glibc when the report tells its version, and musl when it does not', () => {
    expect(libcOf({ glibcVersionRuntime: '2.39' })).toBe('glibc');
    expect(libcOf({})).toBe('musl');
  });
});

async function runBackwards(steps: Array<() => Promise<unknown>>): Promise<void> {
  for (const step of steps.splice(0).reverse()) await step();
}

/** A server without durability that is stopped after the test. */
async function start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ settings: throwawaySettings, ...options });
  undo.push(() => server.stop());
  return server;
}

async function expectStartError(options: EmbeddedPostgresOptions, message: RegExp): Promise<void> {
  const error = await start(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StartError);
  expect(error).toMatchObject({ message: expect.stringMatching(message) });
}

/** An empty directory that everyone may enter, removed after the test or with `steps`. */
async function newDirectory(steps = undo): Promise<string> {
  const directory = await createTemporaryDirectory();
  steps.push(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  return directory;
}

async function expectGone({ url }: { url: string }): Promise<void> {
  await expect(ask(url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
}

/** The first column of the first row. */
async function ask(url: string, query: string): Promise<unknown> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const [row = []] = await sql.unsafe(query).values();
    return row[0];
  } finally {
    await sql.end();
  }
}

interface Starter {
  readonly url: string;
  readonly dataDirectory: string;
  /** Lets the process stop the server and end. */
  stop(): Promise<void>;
  /** Ends the process so that it notices nothing. */
  kill(): Promise<void>;
}

const starterScript = `
  import { startEmbeddedPostgres } from '${new URL('../../src/db/embedded/embedded-postgres.ts', import.meta.url)}';
  const server = await startEmbeddedPostgres(JSON.parse(process.argv[1]));
  console.log(JSON.stringify(server));
  process.stdin.on('end', () => server.stop()).resume();
`;

function spawnStarter(options: EmbeddedPostgresOptions, cwd = process.cwd()) {
  const settled = JSON.stringify({ settings: throwawaySettings, ...options });
  const child = spawn(process.execPath, ['--input-type=module', '--eval', starterScript, settled], {
    cwd,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  undo.push(() => end(child, () => child.kill('SIGKILL')));
  return child;
}

/** A server started by a process of its own. */
async function startInChild(options: EmbeddedPostgresOptions, cwd?: string): Promise<Starter> {
  const child = spawnStarter(options, cwd);
  const [line] = await once(createInterface(child.stdout), 'line');
  return {
    ...JSON.parse(line),
    stop: () => end(child, () => child.stdin.end()),
    kill: () => end(child, () => child.kill('SIGKILL')),
  };
}

async function end(child: ChildProcess, how: () => unknown): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  how();
  await once(child, 'exit');
}

/** A process other than our own: Postgres knows its parent, and would not mistake that for a rival. */
function spawnBystander(): ChildProcess {
  const child = spawn(process.execPath, ['--eval', 'process.stdin.resume()']);
  undo.push(() => end(child, () => child.kill('SIGKILL')));
  return child;
}

async function readServerPid(dataDirectory: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8'), 10);
}

async function killServer(dataDirectory: string): Promise<void> {
  const pid = await readServerPid(dataDirectory);
  process.kill(pid, 'SIGKILL');
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { interval: 5 });
}

async function hasHalfACluster(dataDirectory: string): Promise<void> {
  const draft = (await readdir(dataDirectory)).find((name) => name.includes('.new-')) ?? 'none yet';
  await stat(join(dataDirectory, draft, 'PG_VERSION'));
}

/** A copy of the embedded package under another version, so that nothing made from it exists yet. */
async function copyPackageWithoutLinks(to: string, version: string): Promise<void> {
  const { directory } = await findPlatformPackage(undefined);
  const filter = (path: string) => !lstatSync(path).isSymbolicLink();
  cpSync(directory, to, { recursive: true, filter });
  const file = join(to, 'package.json');
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), version }));
}
