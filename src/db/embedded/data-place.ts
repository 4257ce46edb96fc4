/**
 * Where one Postgres keeps its things, and as whom it runs: the choice of the data directory, its creation and
 * its permissions. What goes inside is left to `cluster.ts`, `server.ts` and `owner.ts`.
 */
import { createHash } from 'node:crypto';
import { access, chmod, constants, lchown, mkdir, readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { StartError } from '../../errors.ts';
import { findServerUser, mayReach, type ServerUser } from './server-user.ts';
import { openSharedPlace, systemPlace } from './shared-place.ts';
import { explained, hasCode } from './system-error.ts';

/** The paths of one Postgres, all absolute, and the user it runs as. */
export interface DataPlace {
  /** Holds everything below; of mode 0700 and the server's user where we made it. */
  readonly directory: string;
  /** The cluster itself, which Postgres calls its data directory. */
  readonly cluster: string;
  /** The superuser's password, of mode 0600. */
  readonly passwordFile: string;
  /** What the server wrote since its last start. */
  readonly logFile: string;
  /** Undefined when Postgres runs as ourselves, because we are not root. */
  readonly user: ServerUser | undefined;
}

/**
 * The data directory, made and ready to be written to. `wanted` is relative to the working directory and taken
 * as it is: when the server's user cannot reach it, that is a `StartError`. Without it the place is `.data`
 * here, or `/var/lib/batchql/<hash of the working directory>` when we are root and `.data` would be out of the
 * unprivileged user's reach. A directory that exists and holds something keeps its owner and mode.
 */
export async function openDataPlace(wanted: string | undefined): Promise<DataPlace> {
  const place = await describePlace(wanted === undefined ? await chooseDirectory() : resolve(wanted));
  await explained(`The data directory ${place.directory} cannot be used`, () => openDirectory(place));
  return place;
}

async function describePlace(directory: string): Promise<DataPlace> {
  const cluster = join(directory, 'postgres');
  return {
    directory,
    cluster,
    passwordFile: `${cluster}.password`,
    logFile: `${cluster}.log`,
    user: await findServerUser(cluster),
  };
}

async function chooseDirectory(): Promise<string> {
  const here = await describePlace(resolve('.data'));
  if (await mayReach(dirname(here.directory), here.user)) return here.directory;
  if (await openSharedPlace(systemPlace, here.user)) return join(systemPlace, hashOf(process.cwd()));
  throw new StartError(
    `Postgres runs as an unprivileged user here, who can reach neither ${here.directory} nor ${systemPlace}; choose a data directory outside of private directories.`,
  );
}

function hashOf(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 16);
}

async function openDirectory({ directory, user }: DataPlace): Promise<void> {
  await mkdirUnlessThere(directory);
  if ((await readdir(directory)).length === 0) {
    await chmod(directory, 0o700);
    if (user !== undefined) await lchown(directory, user.uid, user.gid);
  }
  if (!(await mayReach(directory, user))) {
    throw new StartError(
      `Postgres runs as an unprivileged user here, who cannot reach the data directory ${directory}; choose one outside of private directories.`,
    );
  }
  await access(directory, constants.W_OK);
}

async function mkdirUnlessThere(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}
