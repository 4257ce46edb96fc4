/** What a process holds in memory, looked at again and again while it works. Linux tells it; elsewhere nothing is seen. */
import { readFile } from 'node:fs/promises';

/** A process that is looked at. */
export interface Watch {
  /** What it holds now, in megabytes. */
  now(): Promise<number>;
  /** The most that was seen, in megabytes. */
  most(): number;
  /** How often it was looked at. */
  looks(): number;
  stop(): void;
}

/** Whether this system tells what a process holds. */
export const canWatch = process.platform === 'linux';

/** Looks at a process every 100 ms until it is told to stop. */
export function watchResident(pid: number): Watch {
  let [most, looks] = [0, 0];
  const now = async () => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const megabytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1000;
    most = Math.max(most, megabytes);
    looks += 1;
    return megabytes;
  };
  const timer = setInterval(now, 100);
  return { now, most: () => most, looks: () => looks, stop: () => clearInterval(timer) };
}
