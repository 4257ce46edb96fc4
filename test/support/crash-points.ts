/** Which points are walked: all of them, or one of each kind. */
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
