/**
 * The cluster directory and its password: made once, whole or not at all, and checked against the programs
 * that are going to run it. Running it is left to `server.ts`; only the owner of the data directory may come
 * here.
 */
import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { lchown, mkdir, open, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '../../errors.ts';
import type { Binaries } from './binaries.ts';
import type { DataPlace } from './data-place.ts';
import { readIfThere } from './read-if-there.ts';
import { lastWords, spawnOptions } from './server-process.ts';
import { explained, hasCode } from './system-error.ts';

/** Whether a new cluster is flushed to the disk; tests that throw it away do without. */
export type Durability = 'durable' | 'throwaway';

/**
 * Sees to it that the place holds a cluster, and gives the password of its superuser `postgres`, which is asked
 * for on every connection. A new cluster has a random password, UTF-8 and the C collation. It grows beside its
 * final name and takes that name when it is complete, so that an `initdb` that was killed leaves only rubbish,
 * which the next start removes.
 */
export async function prepareCluster(
  place: DataPlace,
  binaries: Binaries,
  durability: Durability,
): Promise<string> {
  await removeDrafts(place);
  if ((await readMajor(place.cluster)) === undefined) await createCluster(place, binaries, durability);
  const password = await readIfThere(place.passwordFile);
  if (password !== undefined) return password;
  throw new StartError(
    `The file ${basename(place.passwordFile)} is missing beside the cluster; put it back, or choose another data directory.`,
  );
}

/** Refuses the cluster of another major version of Postgres, which these programs cannot read. */
export async function checkMajor(cluster: string, binaries: Binaries): Promise<void> {
  const major = await readMajor(cluster);
  if (major === undefined || major === binaries.major) return;
  throw new StartError(
    `The data directory holds a cluster of Postgres ${major} and the embedded one is Postgres ${binaries.major}; choose another data directory, or dump and restore it.`,
  );
}

async function readMajor(cluster: string): Promise<number | undefined> {
  const text = await readIfThere(join(cluster, 'PG_VERSION'));
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

async function removeDrafts({ directory, cluster }: DataPlace): Promise<void> {
  const drafts = (await readdir(directory)).filter((name) => name.startsWith(`${basename(cluster)}.new-`));
  for (const draft of drafts) {
    // Its initdb may have outlived the process that ran it, and still be writing.
    await rm(join(directory, draft), { recursive: true, force: true, maxRetries: 10 });
  }
}

async function createCluster(place: DataPlace, binaries: Binaries, durability: Durability): Promise<void> {
  const draft = `${place.cluster}.new-${randomUUID()}`;
  await explained('The cluster cannot be created', async () => {
    await removeIfEmpty(place.cluster);
    await mkdir(draft, { mode: 0o700 });
    await writePassword(place);
    await handOver(place, draft, place.passwordFile);
    await runInitdb(place, binaries, durability, draft);
    await rename(draft, place.cluster);
    if (durability === 'durable') await flushNames(place.directory);
  });
}

/** What stands there without being a cluster is not ours to remove, and ends the start here. */
async function removeIfEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch((error) => {
    if (!hasCode(error, 'ENOENT')) throw error;
  });
}

/** Never written through what stands there: the server's user owns the directory and could lay a link. */
async function writePassword({ passwordFile }: DataPlace): Promise<void> {
  await rm(passwordFile, { force: true });
  await writeFile(passwordFile, randomBytes(24).toString('base64url'), { flag: 'wx', mode: 0o600 });
}

async function handOver({ user }: DataPlace, ...paths: string[]): Promise<void> {
  if (user === undefined) return;
  for (const path of paths) await lchown(path, user.uid, user.gid);
}

async function runInitdb(
  { user, passwordFile }: DataPlace,
  binaries: Binaries,
  durability: Durability,
  draft: string,
): Promise<void> {
  const options = [
    `--pgdata=${draft}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    ...(durability === 'durable' ? [] : ['--no-sync']),
  ];
  await promisify(execFile)(binaries.initdb, options, spawnOptions(user, draft)).catch((error) => {
    if (!('stderr' in error) || error.stderr === '') throw error;
    throw new StartError(`Postgres' initdb failed: ${lastWords(error.stderr)}`);
  });
}

/** Without this a power failure could take back the rename, and with it a cluster that already holds data. */
async function flushNames(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
