/**
 * The walk from crash point to crash point. One run that lives tells what its end is; then, for k = 1, 2, …, one run
 * dies at point k, until one survives. Runs share a process that dies for all of them at once; while what it left is
 * taken up and held to every promise, the next is on its way.
 */
import { expect } from 'vitest';
import type { Provider } from '../../src/providers/provider.ts';
import { startCrashProcess } from './crash-process.ts';
import { type BatchAtEnd, expectNothingLost, waitsForPerson } from './crash-promises.ts';
import { createStory, type Plot, type Story } from './crash-story.ts';
import { type CrashableService, type CrashPoint, startCrashable } from './crashable-service.ts';

/** What a walk came to. */
export interface Walk {
  /** Every point, in order. */
  readonly points: readonly CrashPoint[];
  /** At how many of them it died. */
  readonly deaths: number;
  /** After how many deaths a job was left that waits for a person. */
  readonly waitForPerson: number;
}

const runsPerProcess = 8;

/** Dies at every point that `chosen` takes, or at all. Fails with the number of the first point that breaks a promise. */
export async function walk(
  provider: Provider,
  plot: Plot,
  chosen: (points: readonly CrashPoint[]) => readonly number[] = (points) =>
    points.map((_point, index) => index + 1),
): Promise<Walk> {
  const [unharmed] = await runTo(provider, plot, [null]);
  if (unharmed === undefined) throw new Error('no run');
  const { points } = unharmed.service;
  const ending = await finish(unharmed, { points, ending: null });
  // One more than there are: it survives.
  const numbers = [...chosen(points), points.length + 1];
  let waitForPerson = 0;
  let coming = runTo(provider, plot, numbers.slice(0, runsPerProcess));
  for (let at = 0; at < numbers.length; at += runsPerProcess) {
    const runs = await coming;
    const next = at + runsPerProcess;
    coming = runTo(provider, plot, numbers.slice(next, next + runsPerProcess));
    for (const [index, run] of runs.entries()) {
      const holdAt = numbers[at + index] ?? 0;
      const { jobs } = await finish(run, { points: points.slice(0, holdAt), ending }).catch(
        (error: unknown) => {
          throw new Error(`point ${holdAt} (${Object.values(points[holdAt - 1] ?? {}).join(', ')})`, {
            cause: error,
          });
        },
      );
      if (jobs.some(waitsForPerson)) waitForPerson += 1;
    }
  }
  return { points, deaths: numbers.length - 1, waitForPerson };
}

interface Run {
  readonly service: CrashableService;
  readonly story: Story;
}

/** Runs in one process, each up to its point or to its end; then the process is killed. */
async function runTo(provider: Provider, plot: Plot, points: readonly (number | null)[]): Promise<Run[]> {
  if (points.length === 0) return [];
  const process = startCrashProcess();
  const runs: Run[] = [];
  for (const holdAt of points) {
    const service = await startCrashable(process, provider, holdAt);
    const story = createStory(service, plot);
    runs.push({ service, story });
    await story.tell();
  }
  await process.kill();
  return runs;
}

/** Goes on after the death of a run's process, and holds the end to every promise. */
async function finish(
  { service, story }: Run,
  expected: { points: readonly CrashPoint[]; ending: BatchAtEnd | null },
): Promise<BatchAtEnd> {
  try {
    expect(service.points, 'the same points as ever').toEqual(expected.points);
    await story.resume();
    const told = await story.end();
    return await expectNothingLost(service, story.plot, told, expected.ending);
  } finally {
    await service.close();
  }
}
