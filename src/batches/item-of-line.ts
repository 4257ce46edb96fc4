/**
 * Which of a job's items a result line is about: by our key in it, by the agent that it names, or, in a batch that was
 * made elsewhere, by the caller's own id. Nothing is guessed: a line that names none of the job's items is nobody's.
 */
import { agentPositions, positionsOfCustomIds } from '../db/queries/items.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { keyInText, positionOfKey } from '../domain/ids.ts';
import { PositionSet } from '../domain/positions.ts';
import { workerScope } from '../domain/scope.ts';
import type { DecodedLine, Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';

/** A line and what it says. */
export interface ReadLine {
  readonly line: string;
  readonly read: DecodedLine;
}

/** The position of the item that a line is about; null where it is about none. */
export type PositionOf = (entry: ReadLine) => number | null;

/** Finds the items of some lines; to be asked chunk by chunk, so that it need not hold those of the whole job. */
export type ItemFinder = (lines: readonly ReadLine[]) => Promise<PositionOf>;

/** Finds the items of this job. Of a line that cannot be read only a key of ours still tells whose it is. */
export async function itemFinder(
  { db }: Pick<Services, 'db'>,
  { itemsNamedBy }: Provider,
  job: JobRow,
): Promise<ItemFinder> {
  if (itemsNamedBy === 'AGENT') {
    const positions = await db.read((q) => agentPositions(workerScope, q, job));
    return async () => byName(positions);
  }
  if (job.itemKeys === 'CALLERS') {
    return async (lines) => {
      const names = lines.flatMap(({ read }) => (read.kind === 'result' ? [read.key] : []));
      return byName(await db.read((q) => positionsOfCustomIds(workerScope, q, job, names)));
    };
  }
  const positions = PositionSet.parseMultirange(job.positions);
  const byKey: PositionOf = ({ line, read }) => {
    const position = read.kind === 'result' ? positionOfKey(job.nonce, read.key) : keyInText(job.nonce, line);
    return position !== null && positions.has(position) ? position : null;
  };
  return async () => byKey;
}

/** Whether any of some lines is about an item of the job. */
export async function namesItems(
  services: Pick<Services, 'db'>,
  provider: Provider,
  job: JobRow,
): Promise<(lines: readonly ReadLine[]) => Promise<boolean>> {
  const find = await itemFinder(services, provider, job);
  return async (lines) => {
    const positionOf = await find(lines);
    return lines.some((entry) => positionOf(entry) !== null);
  };
}

const byName =
  (positions: ReadonlyMap<string, number>): PositionOf =>
  ({ read }) =>
    read.kind === 'result' ? (positions.get(read.key) ?? null) : null;
