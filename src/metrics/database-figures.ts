/** Finds what is found only when somebody asks: what the database knows, how far events lag, what the pool does. */
import {
  limitReading,
  rowsWritten,
  unfinishedBatches,
  unfinishedJobs,
  workDue,
} from '../db/queries/figures.ts';
import { workerScope } from '../domain/scope.ts';
import { itemStatuses } from '../domain/status.ts';
import type { Services } from '../services.ts';
import { lagSecondsMax, measureEventLag } from './event-lag.ts';
import type { Figures, Found, GaugeName } from './process-figures.ts';

type Parts = Pick<Services, 'db' | 'hub' | 'clock' | 'settings' | 'log'>;
type Finding = Readonly<Partial<Record<GaugeName, readonly Found[]>>>;

/** What is of the database; all of it is left out where it cannot be read in time. */
const ofDatabase = [
  'workDue',
  'workOldest',
  'batches',
  'items',
  'jobs',
  'rows',
] as const satisfies GaugeName[];
const secondsMax = 2;

/** Finds all of it, and sets the figures. Never throws: a database that is away is a figure, too. */
export async function findFigures(parts: Parts, figures: Pick<Figures, 'set'>): Promise<void> {
  const { used, idle, waiting } = parts.db.connections();
  const nothing: Finding = Object.fromEntries(ofDatabase.map((name) => [name, []]));
  const failed = (error: unknown) => {
    parts.log.warn({ err: error }, 'the figures of the database could not be read');
    return { ...nothing, databaseRead: [{ value: 0 }] };
  };
  const [lag, read] = await Promise.all([
    measureEventLag(parts).catch(() => lagSecondsMax),
    readDatabase(parts).catch(failed),
  ]);
  const connections = Object.entries({ used, idle, waiting }).map(([state, value]) => ({
    labels: { state },
    value,
  }));
  const all: Finding = { ...read, connections, eventLag: [{ value: lag }] };
  for (const [name, found] of Object.entries(all)) figures.set(name as GaugeName, found);
}

async function readDatabase({ db, clock }: Parts): Promise<Finding> {
  const [due, batches, jobs, rows] = await db.transaction(async (tx) => {
    await limitReading(workerScope, tx, secondsMax);
    return [
      await workDue(workerScope, tx, clock.now()),
      await unfinishedBatches(workerScope, tx),
      await unfinishedJobs(workerScope, tx),
      await rowsWritten(workerScope, tx),
    ] as const;
  });
  return {
    workDue: due.map(({ work, due: value }) => ({ labels: { work }, value })),
    workOldest: due.map(({ work, oldest: value }) => ({ labels: { work }, value })),
    batches: batches.map(({ status, batches: value }) => ({ labels: { status }, value })),
    items: itemStatuses.map((status) => ({
      labels: { status },
      value: batches.reduce((sum, { counts }) => sum + counts[status], 0),
    })),
    jobs: jobs.map(({ provider, status, jobs: value }) => ({ labels: { provider, status }, value })),
    rows: rows.map(({ table, rows: value }) => ({ labels: { table }, value })),
    databaseRead: [{ value: 1 }],
  };
}
