/**
 * Waiting for something that nobody announces: a file that another process writes, a process that is not our
 * child. Waits in real time and asks no clock.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { StartError } from '../../errors.ts';

const pollMilliseconds = 10;

/** How long a server may take to be ready, crash recovery included, before the start gives up on it. */
export const readySecondsMax = 120;

/**
 * The first answer of `ask` that is not undefined, asked a hundred times a second. After `readySecondsMax` it
 * is a `StartError` with `tooLate` as its sentence.
 */
export async function pollUntil<T>(tooLate: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = AbortSignal.timeout(readySecondsMax * 1000);
  while (!deadline.aborted) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await wait(pollMilliseconds);
  }
  throw new StartError(tooLate);
}
