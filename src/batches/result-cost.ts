/**
 * What results cost, found out before they are stored, so that each is stored and counted with its cost at once. The
 * price is that of the day on which the job was made, so a result that is read twice costs the same twice. The rule is
 * `domain/cost.ts`.
 */
import { itemModels } from '../db/queries/items.ts';
import type { NewResult } from '../db/queries/results.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { costOf } from '../domain/cost.ts';
import type { Decimal } from '../domain/decimal.ts';
import { workerScope } from '../domain/scope.ts';
import type { Services } from '../services.ts';

/** A result, and what its provider says that it took for it. */
export type UnpricedResult = Omit<NewResult, 'cost' | 'saved' | 'model'> & {
  readonly charged: Decimal | null;
};

/** The results with their models and costs. */
export async function priceResults(
  services: Pick<Services, 'db' | 'prices' | 'providers'>,
  job: JobRow,
  results: readonly UnpricedResult[],
): Promise<NewResult[]> {
  const entry = services.providers.find(job.provider);
  const modelOf = await modelFinder(services, job, results);
  return results.map((result) => {
    const model = modelOf(result.position);
    const price = entry === null ? null : services.prices.find(entry.provider, model, job.createdAt);
    const { cost, saved } = costOf(result, price, result.charged);
    return { ...result, model, cost, saved };
  });
}

/** The model of each request; only those of a job that mixes them have to be looked up. */
async function modelFinder(
  { db }: Pick<Services, 'db'>,
  job: JobRow,
  results: readonly UnpricedResult[],
): Promise<(position: number) => string | null> {
  if (job.model !== null || results.length === 0) return () => job.model;
  const positions = results.map(({ position }) => position);
  const models = await db.read((q) => itemModels(workerScope, q, job.batchId, positions));
  return (position) => models.get(position) ?? null;
}
