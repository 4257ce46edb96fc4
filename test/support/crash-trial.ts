/** One life at one provider, died through at the points that the run asks for: some in `npm test`, all in `test:chaos`. */
import { everyPoint, oneOfEachKind, pairsOf } from './crash-points.ts';
import { dieAt, dieTwice, type Path, runUnharmed } from './crash-walk.ts';
import { countTried } from './tally.ts';

const isLong = process.env['CRASH_POINTS'] === 'all';

/** Long enough for a thousand deaths on a machine that has something else to do. */
export const trialTimeout = isLong ? 3_600_000 : 900_000;

/** Dies at every point, or, where that is too much for `npm test`, at one of each kind; and a few times twice in a row. */
export async function dieThrough(path: Path, extent: 'every point' | 'one of each kind'): Promise<void> {
  const unharmed = await runUnharmed(path);
  const { points } = unharmed;
  const isEvery = isLong || extent === 'every point';
  const { waitForPerson } = await dieAt(path, unharmed, isEvery ? everyPoint(points) : oneOfEachKind(points));
  const { name } = path.provider;
  const pairs = isLong ? 20 : isEvery ? 1 : 0;
  const twice = pairsOf(points, pairs, `${name} ${path.plot}`);
  for (const pair of twice) await dieTwice(path, unharmed, pair);
  countTried('crash points', isEvery ? points.length : oneOfEachKind(points).length, name);
  countTried('crashes twice in a row', twice.length, name);
  countTried('crashes after which a person is asked', waitForPerson, name);
}
