/**
 * Telling whether a process still runs, and whether it is still the same one. Pids are used again, in
 * containers within seconds; Linux tells in /proc when a process began and where it works. Elsewhere the pid
 * alone has to do.
 */
import { readFile, readlink } from 'node:fs/promises';
import { hasCode } from './system-error.ts';

/** A process, distinct from a later one with the same pid where the system tells when it began. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between the machine's start and the process's; empty where the system does not tell. */
  readonly began: string;
}

/** Who runs under this pid now; undefined when nobody does, or only a zombie, and for what is no pid. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  if (!(pid > 0 && takesSignals(pid))) return undefined;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the program's name in brackets and may hold spaces and brackets of its own.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : { pid, began: fields[19] ?? '' };
}

/** Whether the very process that was identified earlier still runs. */
export async function stillRuns(identity: ProcessIdentity): Promise<boolean> {
  const now = await identifyProcess(identity.pid);
  return now !== undefined && now.began === identity.began;
}

/** The directory a process works in; undefined where the system does not tell, or not us. */
export async function workingDirectory(pid: number): Promise<string | undefined> {
  return await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
}

function takesSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}
