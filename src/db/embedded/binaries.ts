/**
 * Postgres' programs in a state in which the server's user can run them: with the links between their shared
 * libraries, which npm's --ignore-scripts leaves out, and out of private directories. Which package they come
 * from is `platform-package.ts`.
 */
import { randomUUID } from 'node:crypto';
import { chmod, cp, mkdir, readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { StartError } from '../../errors.ts';
import { findPlatformPackage, type PlatformPackage } from './platform-package.ts';
import { readIfThere } from './read-if-there.ts';
import { mayReach, type ServerUser } from './server-user.ts';
import { openSharedPlace, systemPlace } from './shared-place.ts';
import { explained, hasCode } from './system-error.ts';

/** Programs that are ready to run. */
export interface Binaries {
  /** The major version of Postgres, such as 18. */
  readonly major: number;
  /** Absolute paths. */
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * The programs of this machine's package, or of the package in the directory `packagePath`. They run where npm
 * put them; where the user cannot, or where we cannot complete their links, they run from a copy in
 * `/var/lib/batchql` or the temporary directory, which is made once per version.
 */
export async function prepareBinaries(
  user: ServerUser | undefined,
  packagePath: string | undefined,
): Promise<Binaries> {
  const found = await findPlatformPackage(packagePath);
  const home = (await runsInPlace(found, user)) ? found.directory : await openCopy(found, user);
  return {
    major: Number.parseInt(found.version, 10),
    initdb: join(home, relative(found.directory, found.initdb)),
    postgres: join(home, relative(found.directory, found.postgres)),
  };
}

async function runsInPlace(found: PlatformPackage, user: ServerUser | undefined): Promise<boolean> {
  const needed = [
    found.initdb,
    found.postgres,
    ...['lib', 'share'].map((name) => native(found.directory, name)),
  ];
  const reachable = await Promise.all(needed.map((path) => mayReach(path, user)));
  return reachable.every(Boolean) && (await completeLinks(found.directory));
}

/** Does what the package's own postinstall script does. False where the directory cannot be written. */
async function completeLinks(home: string): Promise<boolean> {
  const list = (await readIfThere(native(home, 'pg-symlinks.json'))) ?? '[]';
  try {
    for (const { source, target } of JSON.parse(list) as Array<{ source: string; target: string }>) {
      await symlinkUnlessThere(relative(dirname(target), source), join(home, target));
    }
    return true;
  } catch (error) {
    if (hasCode(error, 'EACCES', 'EPERM', 'EROFS')) return false;
    throw error;
  }
}

async function symlinkUnlessThere(source: string, target: string): Promise<void> {
  try {
    await symlink(source, target);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}

async function openCopy(found: PlatformPackage, user: ServerUser | undefined): Promise<string> {
  const place = await findPlaceForCopy(user);
  const copy = join(place, `binaries-${found.version}`);
  if (!(await exists(copy))) {
    await explained('The programs of Postgres cannot be copied', () => makeCopy(found, copy));
  }
  return copy;
}

async function findPlaceForCopy(user: ServerUser | undefined): Promise<string> {
  const temporaryPlace = join(tmpdir(), `batchql-${process.getuid?.() ?? 'user'}`);
  for (const place of [systemPlace, temporaryPlace]) {
    if (await openSharedPlace(place, user)) return place;
  }
  throw new StartError(
    `The programs of Postgres cannot run where they are installed, and neither ${systemPlace} nor ${temporaryPlace} can take a copy.`,
  );
}

/** The rename makes the copy appear whole or not at all; of several processes that copy, one wins. */
async function makeCopy(found: PlatformPackage, copy: string): Promise<void> {
  const draft = `${copy}.new-${randomUUID()}`;
  try {
    await mkdir(draft);
    await cp(native(found.directory), native(draft), { recursive: true, verbatimSymlinks: true });
    await openToAll(draft);
    await completeLinks(draft);
    await rename(draft, copy);
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Everyone may read and run what the owner may: an npm with a private umask installs private files. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    await chmod(path, (mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function native(home: string, ...below: string[]): string {
  return join(home, 'native', ...below);
}
