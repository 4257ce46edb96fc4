/**
 * Directories outside of every home, for what an unprivileged user must reach when the checkout is private.
 * Owns their creation and the question whether they can be trusted; not what is put there.
 */
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { mayReach, type ServerUser } from './server-user.ts';
import { hasCode } from './system-error.ts';

/** Where a system keeps the data of its services. */
export const systemPlace = '/var/lib/batchql';

/**
 * Makes the directory if it is missing and tells whether it serves: it is ours, nobody else can write to it,
 * and the user reaches it. False where we may not create it.
 */
export async function openSharedPlace(directory: string, user: ServerUser | undefined): Promise<boolean> {
  try {
    await mkdir(directory);
    await chmod(directory, 0o755);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES', 'EPERM', 'EROFS')) return false;
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  return (await isOursAlone(directory)) && (await mayReach(directory, user));
}

/** A place in /tmp has a name that others can guess, and what lies there is going to be run. */
async function isOursAlone(directory: string): Promise<boolean> {
  const found = await lstat(directory);
  return found.isDirectory() && (found.mode & 0o022) === 0 && found.uid === (process.getuid?.() ?? found.uid);
}
