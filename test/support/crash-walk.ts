/**
 * The walk from crash point to crash point. One run that lives tells what the end is; then, for k = 1, 2, …, one run
 * dies at point k, until one survives. Runs share a process that dies for all of them at once; while what they left is
 * taken up and held to every promise, the next are on their way.
 */
import { expect } from 'vitest';
import type { Provider } from '../../src/providers/provider.ts';
import { startCrashProcess } from './crash-process.ts';
import { type BatchAtEnd, expectNothingLost, waitsForPerson } from './crash-promises.ts';
import { createStory, type Plot, type Story } from './crash-story.ts';
import { type CrashableService, type CrashPoint, startCrashable } from './crashable-service.ts';

/** What is walked: the life of a batch at a provider. */
export interface Path {
  readonly provider: Provider;
  readonly plot: Plot;
}

/** What a run that lived came to: its points in order, and its end. */
export interface Unharmed {
  readonly points: readonly CrashPoint[];
  readonly ending: BatchAtEnd;
}

/** The run that lives. */
export async function runUnharmed(path: Path): Promise<Unharmed> {
  const [run] = await startRuns(path, [null]);
  if (run === undefined) throw new Error('one run was asked for');
  const points = run.service.points();
  return { points, ending: await takeUp(run, { points, ending: null }) };
}

/** How many runs share a process, whose start takes as long as six of them. More save little, and each has seven connections. */
const runsPerProcess = 16;

/**
 * Dies at each of these points, counted from 1; at one beyond the last it must survive. Answers after how many deaths
 * a job was left that waits for a person. Fails with the number of the point where a promise is broken.
 */
export async function dieAt(
  path: Path,
  { points, ending }: Unharmed,
  numbers: readonly number[],
): Promise<{ waitForPerson: number }> {
  let waitForPerson = 0;
  const groupAt = (from: number) => startRuns(path, numbers.slice(from, from + runsPerProcess));
  let coming = groupAt(0);
  const open: Run[] = [];
  try {
    for (let from = 0; from < numbers.length; from += runsPerProcess) {
      open.push(...(await coming));
      coming = groupAt(from + runsPerProcess);
      for (let run = open.shift(); run !== undefined; run = open.shift()) {
        const passed = points.slice(0, run.holdAt ?? 0);
        const { jobs } = await takeUp(run, { points: passed, ending }).catch((error: unknown) => {
          throw new Error(`it died at ${nameOf(passed)}`, { cause: error });
        });
        if (jobs.some(waitsForPerson)) waitForPerson += 1;
      }
    }
  } finally {
    open.push(...(await coming.catch(() => [])));
    await Promise.all(open.map(({ service }) => service.close()));
  }
  return { waitForPerson };
}

/**
 * Dies at one point, and again at another one, counted from its restart, while it takes up what it left. Fails as
 * `dieAt` does.
 */
export async function dieTwice(
  path: Path,
  { points, ending }: Unharmed,
  [first, second]: readonly [number, number],
): Promise<void> {
  const [run] = await startRuns(path, [first]);
  if (run === undefined) throw new Error('one run was asked for');
  const { service, story } = run;
  const process = startCrashProcess();
  try {
    await service.restart({ process, holdAt: second });
    await story.resume();
  } finally {
    await process.kill();
  }
  const again = service.points();
  await takeUp(run, { points: again, ending }).catch((error: unknown) => {
    throw new Error(`it died at ${nameOf(points.slice(0, first))}, then at ${nameOf(again)}`, {
      cause: error,
    });
  });
}

interface Run {
  readonly service: CrashableService;
  readonly story: Story;
  readonly holdAt: number | null;
}

/** Runs in one process, each up to its point or to its end; then the process is killed. */
async function startRuns(
  { provider, plot }: Path,
  numbers: readonly (number | null)[],
): Promise<readonly Run[]> {
  if (numbers.length === 0) return [];
  const process = startCrashProcess();
  const runs: Run[] = [];
  try {
    for (const holdAt of numbers) {
      const service = await startCrashable(provider, { process, holdAt });
      const story = createStory(service, plot);
      runs.push({ service, story, holdAt });
      await story.tell();
    }
  } finally {
    await process.kill();
  }
  return runs;
}

/** Goes on after the death of a run's process, and holds its end to every promise. */
async function takeUp(
  { service, story }: Run,
  expected: { points: readonly CrashPoint[]; ending: BatchAtEnd | null },
): Promise<BatchAtEnd> {
  try {
    expect(service.points(), 'the same points as in the run that lived').toEqual(expected.points);
    await service.restart(null);
    await story.resume();
    const told = await story.told();
    return await expectNothingLost(service, story.plot, told, expected.ending);
  } finally {
    await service.close();
  }
}

function nameOf(passed: readonly CrashPoint[]): string {
  const { act, kind, what } = passed.at(-1) ?? { act: 'no', kind: 'point', what: 'at all' };
  return `point ${passed.length} (${act}: ${kind} ${what})`;
}
