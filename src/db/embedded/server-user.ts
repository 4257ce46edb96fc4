/**
 * Which user of the system Postgres runs as, and what that user can reach. Postgres refuses to run as root, so
 * root lends it the unprivileged user that every system has; no user is ever created or changed.
 */
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from './system-error.ts';

/** A user to run a process as, in the form in which `spawn` takes it. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

const nobody: ServerUser = { uid: 65534, gid: 65534 };

/**
 * The user for this cluster directory when we are root: the one who already owns the cluster, or else nobody
 * (65534). Undefined when we are not root, and Postgres simply runs as ourselves.
 */
export async function findServerUser(cluster: string): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  try {
    const { uid, gid } = await stat(cluster);
    return uid === 0 ? nobody : { uid, gid };
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return nobody;
    throw error;
  }
}

/**
 * Whether the user can enter this directory, or run this file, and pass through everything above it; judged by
 * the mode bits. Always true without a user: what we cannot reach ourselves fails by itself.
 */
export async function mayReach(path: string, user: ServerUser | undefined): Promise<boolean> {
  if (user === undefined) return true;
  for (let step = await realpath(path); ; step = dirname(step)) {
    if (!(await mayPass(step, user))) return false;
    if (step === dirname(step)) return true;
  }
}

async function mayPass(path: string, user: ServerUser): Promise<boolean> {
  const { mode, uid, gid } = await stat(path);
  if (uid === user.uid) return (mode & 0o100) !== 0;
  if (gid === user.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}
