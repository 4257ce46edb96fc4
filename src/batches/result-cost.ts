/**
 * What results cost, found out before they are stored, so that each is stored and counted with its cost at once. The
 * price is that of the day on which the job was made, so a result that is read twice costs the same twice. The rule is
 * `domain/cost.ts`.
 */
import { itemModels } from '../db/queries/items.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { costOf, type ResultCost } from '../domain/cost.ts';
import type { Decimal } from '../domain/decimal.ts';
import { workerScope } from '../domain/scope.ts';
import type { Usage } from '../domain/usage.ts';
import type { Services } from '../services.ts';

/** What a request is for, and what its result cost. */
export interface Priced extends ResultCost {
  readonly model: string | null;
}

/** How results at these positions are priced: by what they used, and what their provider says that it took, if it does. */
export async function resultPricer(
  services: Pick<Services, 'db' | 'prices' | 'providers'>,
  job: JobRow,
  positions: readonly number[],
): Promise<(position: number, usage: Usage, charged: Decimal | null) => Priced> {
  const entry = services.providers.find(job.provider);
  const modelOf = await modelFinder(services, job, positions);
  return (position, usage, charged) => {
    const model = modelOf(position);
    const price = entry === null ? null : services.prices.find(entry.provider, model, job.createdAt);
    const { cost, saved } = costOf(usage, price, charged);
    return { model, cost, saved };
  };
}

/** The model of each request; only those of a job that mixes them have to be looked up. */
async function modelFinder(
  { db }: Pick<Services, 'db'>,
  job: JobRow,
  positions: readonly number[],
): Promise<(position: number) => string | null> {
  if (job.model !== null || positions.length === 0) return () => job.model;
  const models = await db.read((q) => itemModels(workerScope, q, job.batchId, positions));
  return (position) => models.get(position) ?? null;
}
