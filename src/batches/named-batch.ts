/**
 * A provider's batch that a caller names, to be made a job's: the provider is asked for it, and it is refused where it
 * is not there, is of another size, has results for other requests, or is a job's already. Organizations may share the
 * provider's account, so the batch of another one's job may be there to be seen, and reads as one that is not. Owns these
 * refusals; what the batch becomes is left to the verbs.
 */
import type { Queryable } from '../db/client.ts';
import { type JobHolding, jobsHolding, lockProviderJob } from '../db/queries/provider-jobs.ts';
import { marksIn } from '../domain/provider-job.ts';
import { type OrganizationScope, workerScope } from '../domain/scope.ts';
import { ProviderCallError, ProviderJobError, type ProviderJobProblem } from '../errors.ts';
import type { ProviderEntry } from '../providers/access.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { JobReport, ProviderJob } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import type { ReadLine } from './item-of-line.ts';
import { type Owner, whoseBatch } from './whose-batch.ts';

/** What its provider says of a batch that was named. */
export interface NamedBatch {
  readonly providerJobId: string;
  readonly report: JobReport;
  /** What its results say; they may still be to come. */
  readonly owner: Exclude<Owner, 'anothers'>;
}

/** What askForNamed asks for: a batch of a job to be, or of `own`, which is one already. */
export interface NamedWish extends Pick<ProviderJob, 'providerJobId' | 'requestCount' | 'checkpoint'> {
  readonly own?: string;
}

/**
 * Asks the provider for the batch. Throws `ProviderJobError` where it cannot be the one that is meant, and
 * `ProviderCallError` where the provider does not answer the question.
 */
export async function askForNamed(
  services: Services,
  { organizationId }: OrganizationScope,
  { provider, client }: ProviderEntry,
  { own, ...named }: NamedWish,
  isOurs: (lines: readonly ReadLine[]) => Promise<boolean>,
): Promise<NamedBatch> {
  const { providerJobId, requestCount } = named;
  const job = { ...named, cancelRequestedAt: null };
  const reached = { provider, client: client() };
  const refuse = (problem: Exclude<ProviderJobProblem, 'NOT_THERE'>, message: string) =>
    new ProviderJobError(problem, providerJobId, message);
  try {
    const within = AbortSignal.timeout(services.settings.callSeconds * 1000);
    const report = await reached.client.retrieve(job, within);
    const holder = await services.db.read((q) => holderOf(q, provider.name, { providerJobId, report }, own));
    if (holder !== null && holder.organizationId !== organizationId) throw notThere(providerJobId);
    const { total } = report.counts;
    if (total !== null && total !== requestCount) {
      throw refuse(
        'OTHER_SIZE',
        `The batch has ${total} requests at the provider, and ${requestCount} are meant.`,
      );
    }
    const owner = await whoseBatch(services, reached, { ...job, report }, isOurs, within);
    if (owner === 'anothers') {
      throw refuse('OTHER_REQUESTS', 'The results of the batch are for other requests than those meant.');
    }
    return { providerJobId, report, owner };
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    const problem = error.kind === 'rejected' ? problemOf(error.status) : null;
    if (problem === null) throw new ProviderCallError(provider.name, error);
    if (problem === 'NOT_THERE') throw notThere(providerJobId);
    throw refuse(problem, `The provider does not show such a batch: ${error.message}`);
  }
}

/** What a refusal says of the batch; null where it speaks of ourselves. Vendors refuse an id of another form as wrong. */
const problemOf = (status: number | null): ProviderJobProblem | null => {
  if (status === 403) return 'NOT_YOURS';
  return status === 400 || status === 404 || status === 422 ? 'NOT_THERE' : null;
};

/** In the same words whoever says so: the provider's own would tell its refusals from ours. */
const notThere = (providerJobId: string): ProviderJobError =>
  new ProviderJobError('NOT_THERE', providerJobId, 'The provider shows no batch with this id.');

/**
 * Throws `ProviderJobError` where the batch is another job's, also where that job does not know it yet and the batch
 * carries its mark. Until the transaction ends nobody else can make it a job's by its name.
 */
export async function refuseTaken(
  { organizationId }: OrganizationScope,
  tx: Queryable,
  provider: string,
  named: NamedBatch,
  own?: string,
): Promise<void> {
  const { providerJobId } = named;
  await lockProviderJob(workerScope, tx, { provider, providerJobId });
  const holder = await holderOf(tx, provider, named, own);
  if (holder === null) return;
  if (holder.organizationId !== organizationId) throw notThere(providerJobId);
  const message = 'The batch belongs to another job of yours already.';
  throw new ProviderJobError('TAKEN', providerJobId, message, holder.id);
}

/** The job whose batch it is already, of whatever organization, other than `own`; null where it is nobody's. */
async function holderOf(
  q: Queryable,
  provider: string,
  { providerJobId, report }: Pick<NamedBatch, 'providerJobId' | 'report'>,
  own: string | undefined,
): Promise<JobHolding | null> {
  const holding = await jobsHolding(workerScope, q, { provider, providerJobId }, marksIn(report.raw));
  return holding.find(({ id }) => id !== own) ?? null;
}
