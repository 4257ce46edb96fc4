/**
 * What the suites of a run tried that could lose or double something, counted over all test files of a project, and
 * told in one sentence at its end. Only what passed counts.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { beforeEach, inject } from 'vitest';

/** What is counted: things that go wrong at one moment, orders of events that a seed decides, deaths of the service. */
export const triedKinds = [
  'faults',
  'seeds',
  'crash points',
  'crashes twice in a row',
  'crashes after which a person is asked',
] as const;
/** What is counted. */
export type TriedKind = (typeof triedKinds)[number];

interface Tried {
  readonly kind: TriedKind;
  readonly count: number;
  readonly provider: string | null;
}

/** Adds so many to the sum; `provider` where it was at one of several. */
export function countTried(kind: TriedKind, count: number, provider: string | null = null): void {
  appendFileSync(inject('tally'), `${JSON.stringify({ kind, count, provider } satisfies Tried)}\n`);
}

/** Counts every test of the file that passes as one fault. */
export function countFaults(): void {
  beforeEach(({ onTestFinished }) =>
    onTestFinished(({ task }) => {
      if (task.result?.state === 'pass') countTried('faults', 1);
    }),
  );
}

/** The sums of a file as a sentence; null where nothing was tried. */
export function tellTried(file: string): string | null {
  const lines = readFileSync(file, 'utf8').split('\n');
  const all: Tried[] = lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  if (all.length === 0) return null;
  const sums = triedKinds.flatMap((kind) => {
    const sum = all.reduce((total, tried) => total + (tried.kind === kind ? tried.count : 0), 0);
    return sum === 0 ? [] : [`${sum} ${kind}`];
  });
  const { size } = new Set(all.map(({ provider }) => provider).filter((provider) => provider !== null));
  const where = size === 0 ? '' : ` at ${size} providers`;
  return `Tried ${sums.join(', ')}${where}: nothing was lost, nothing was done twice.`;
}
