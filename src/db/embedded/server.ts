/**
 * Starting and stopping the server of a cluster: its settings, its port, its log, and the wait until it is
 * ready or gone. Whether it may be started or stopped at all is decided in `embedded-postgres.ts`.
 *
 * The server is detached: Ctrl-C in the terminal reaches us and not it, and it survives our sudden death, to be
 * found again. On Windows a signal ends it at once, and the next start recovers as after a crash.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rename } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { StartError } from '../../errors.ts';
import type { Binaries } from './binaries.ts';
import type { DataPlace } from './data-place.ts';
import { pollUntil, readySecondsMax } from './poll-until.ts';
import { type Postmaster, readPostmaster, removeStrangersPidFile } from './postmaster.ts';
import { stillRuns } from './process-identity.ts';
import { lastWords, spawnOptions } from './server-process.ts';
import { explained, hasCode } from './system-error.ts';

/** Server settings by name, as `postgres -c` takes them. */
export type Settings = Readonly<Record<string, string>>;

/** Statements and details of errors carry requests' bodies, which no log may hold. */
const discreetLog: Settings = { log_error_verbosity: 'terse', log_min_error_statement: 'panic' };

const portAttemptsMax = 5;
const stopPollMilliseconds = 5;

/** Starts the server on a free port of 127.0.0.1 and waits until it takes connections. */
export async function launchServer(
  place: DataPlace,
  binaries: Binaries,
  settings: Settings,
): Promise<Postmaster> {
  await removeStrangersPidFile(place.cluster);
  for (let attempt = 1; ; attempt++) {
    const port = await findFreePort();
    const child = await explained('Postgres cannot be started', () =>
      spawnServer(place, binaries, settings, port),
    );
    const outcome = await awaitReady(place, child);
    if (outcome !== 'exited') return outcome;
    // Between our look at the port and Postgres' somebody else may have taken it.
    if (attempt < portAttemptsMax && !(await isFree(port))) continue;
    throw new StartError(
      `Postgres exited while starting: ${lastWords(await readFile(place.logFile, 'utf8'))}`,
    );
  }
}

/**
 * Stops whichever server runs in the cluster, by a fast shutdown: sessions are ended, transactions rolled back,
 * everything is flushed. Comes back when the process is gone; at once when there is none.
 */
export async function stopServer(cluster: string): Promise<void> {
  const postmaster = await readPostmaster(cluster);
  if (postmaster === undefined) return;
  signalFastShutdown(postmaster.process.pid);
  while (await stillRuns(postmaster.process)) await wait(stopPollMilliseconds);
}

async function spawnServer(
  place: DataPlace,
  binaries: Binaries,
  settings: Settings,
  port: number,
): Promise<ChildProcess> {
  const all = {
    ...discreetLog,
    ...settings,
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
  };
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const log = await openLog(place.logFile);
  try {
    const child = spawn(binaries.postgres, ['-D', place.cluster, ...options], {
      ...spawnOptions(place.user, place.cluster),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    await once(child, 'spawn');
    child.unref();
    return child;
  } finally {
    await log.close();
  }
}

/** Every start has a log of its own; the one before is kept, for it may tell of a crash. */
async function openLog(file: string) {
  await rename(file, `${file}.previous`).catch((error) => {
    if (!hasCode(error, 'ENOENT')) throw error;
  });
  return await open(file, 'wx', 0o600);
}

async function awaitReady(place: DataPlace, child: ChildProcess): Promise<Postmaster | 'exited'> {
  return await pollUntil(`Postgres was not ready within ${readySecondsMax} seconds.`, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return 'exited' as const;
    const postmaster = await readPostmaster(place.cluster);
    const isReady = postmaster?.process.pid === child.pid && postmaster?.state === 'ready';
    return isReady ? postmaster : undefined;
  });
}

function signalFastShutdown(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}
