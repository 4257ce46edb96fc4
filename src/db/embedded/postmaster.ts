/**
 * The server that stands in a cluster directory, whoever started it: found through `postmaster.pid`, which
 * Postgres writes, and recognised by what it answers. Starting one is left to `server.ts`.
 */
import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataPlace } from './data-place.ts';
import { inDatabase, serverUrl } from './database.ts';
import { identifyProcess, type ProcessIdentity, workingDirectory } from './process-identity.ts';
import { readIfThere } from './read-if-there.ts';

/** A server process and where it stands between its start and its stop. */
export interface Postmaster {
  readonly process: ProcessIdentity;
  /** The port on 127.0.0.1; meaningful once it is ready. */
  readonly port: number;
  readonly state: 'ready' | 'coming or going';
}

/**
 * The living process that `postmaster.pid` names; undefined without that file, and when it is a leftover. A pid
 * that was given to somebody else since is noticed where the system tells where a process works.
 */
export async function readPostmaster(cluster: string): Promise<Postmaster | undefined> {
  const lines = (await readIfThere(pidFile(cluster)))?.split('\n') ?? [];
  const process = await identifyProcess(Number(lines[0]));
  if (process === undefined || (await worksElsewhere(process.pid, cluster))) return undefined;
  return {
    process,
    port: Number(lines[3]),
    state: lines[7]?.trim() === 'ready' ? 'ready' : 'coming or going',
  };
}

/** Whether the server takes the place's password and says that it serves the place's cluster. */
export async function serves(postmaster: Postmaster, place: DataPlace, password: string): Promise<boolean> {
  const url = serverUrl(postmaster.port, password, 'postgres');
  const [told] = await inDatabase(
    url,
    (sql) => sql<Array<{ data_directory: string }>>`show data_directory`,
  ).catch(() => []);
  return told !== undefined && (await realpath(told.data_directory)) === (await realpath(place.cluster));
}

/**
 * Removes a `postmaster.pid` whose pid certainly belongs to somebody else by now. Postgres would take that
 * process for a rival if it runs as the same user, and never start again; other leftovers it handles itself.
 */
export async function removeStrangersPidFile(cluster: string): Promise<void> {
  const pid = Number.parseInt((await readIfThere(pidFile(cluster))) ?? '', 10);
  if (pid > 0 && (await worksElsewhere(pid, cluster))) await rm(pidFile(cluster), { force: true });
}

function pidFile(cluster: string): string {
  return join(cluster, 'postmaster.pid');
}

/** A postmaster works in its cluster directory from its first moment on. */
async function worksElsewhere(pid: number, cluster: string): Promise<boolean> {
  const directory = await workingDirectory(pid);
  return directory !== undefined && directory !== (await realpath(cluster));
}
