/** Which points are died at: all, one of each kind, or two in a row by chance. */
import { createDice, seedOf } from '../../src/providers/emulator/chance.ts';
import type { CrashPoint } from './crashable-service.ts';

/** Every point, and one more, which must not exist. */
export const everyPoint = (points: readonly CrashPoint[]): readonly number[] =>
  Array.from({ length: points.length + 1 }, (_, index) => index + 1);

/**
 * One of each kind in each act: of calls the last, which makes what the act is for; of statements the last that
 * commits, before which everything is done and nothing is kept.
 */
export function oneOfEachKind(points: readonly CrashPoint[]): readonly number[] {
  const chosen = new Map<string, number>();
  for (const [index, { act, kind, what }] of points.entries()) {
    if (kind !== 'statement' || what === 'commit') chosen.set(`${act} ${kind}`, index + 1);
  }
  return [...chosen.values()];
}

/** How far into what follows a death the next one can be: about as far as it takes to find out what became of a job. */
const nextWithin = 80;

/** So many pairs of points, the second counted from the restart; the same for the same seed. */
export function pairsOf(
  points: readonly CrashPoint[],
  count: number,
  seed: string,
): readonly (readonly [number, number])[] {
  const throwDice = createDice(seedOf(seed));
  return Array.from(
    { length: count },
    () => [1 + throwDice(points.length), 1 + throwDice(nextWithin)] as const,
  );
}
