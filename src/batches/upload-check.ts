/**
 * What a checked file comes to: the answer of `createBatch`'s dry run, of a file of any size. Its requests stand in the
 * database under the upload's own id, where nobody looks, until this is answered.
 */
import { findBatch } from '../db/queries/batches.ts';
import { itemMeasures } from '../db/queries/items.ts';
import type { DryRunFindings } from '../domain/dry-run.ts';
import { workerScope } from '../domain/scope.ts';
import { ValidationError } from '../errors.ts';
import type { Services } from '../services.ts';
import { budgetExceeded, chosenOrMissing, nothingFound, plannedJobs } from './dry-run.ts';
import { knownProvider } from './new-batch.ts';
import { type MeasureReadings, measuresPerReading } from './plan-jobs.ts';
import { breachesBy } from './upload-quotas.ts';
import type { OpenUpload } from './upload-storing.ts';

/** The findings on a file that is stored whole; a batch that it is for is split with what it has already. */
export async function checkUpload(services: Services, open: OpenUpload): Promise<DryRunFindings> {
  const { scope, upload, reading, estimate } = open;
  const { db, prices } = services;
  const { batchId, draft, id } = upload;
  const batch = batchId === null ? null : await db.read((q) => findBatch(scope, q, batchId));
  const { provider: name, endpoint } = batch ?? draft ?? { provider: '', endpoint: '' };
  const entry = knownProvider(services, name);
  const named = batch?.credentialId ?? draft?.credentialId ?? null;
  const { missingSetting } = await chosenOrMissing(services, scope, entry, named);
  const found = { ...nothingFound, priceBook: prices.version, missingSetting };
  const { first, count } = reading.issues;
  if (count > 0) return { ...found, issues: first, issueCount: count };
  const measured = {
    ...found,
    requestCount: reading.requests,
    bytes: reading.bytes,
    tokens: estimate.tokens(),
    cost: estimate.cost(),
    quotasExceeded: await db.read((q) => breachesBy(open, q)),
    submitsNow: upload.submits || batch?.submitMode === 'NOW',
  };
  const budget = await budgetExceeded(services, scope, entry, measured);
  const from = upload.firstPosition ?? 0;
  try {
    const all = measures(services, [
      { holder: batchId ?? id, from: 0, total: from },
      { holder: id, from, total: from + reading.requests },
    ]);
    const jobs = await plannedJobs(services, entry.provider, endpoint, all);
    return { ...measured, budgetExceeded: budget, jobs };
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return { ...measured, issues: error.issues, issueCount: error.total };
  }
}

async function* measures(
  { db }: Pick<Services, 'db'>,
  parts: readonly { readonly holder: string; readonly from: number; readonly total: number }[],
): MeasureReadings {
  for (const { holder, from: first, total } of parts) {
    for (let from = first; from < total; from += measuresPerReading) {
      const range = { from, total, limit: measuresPerReading };
      yield await db.read((q) => itemMeasures(workerScope, q, holder, range));
    }
  }
}
