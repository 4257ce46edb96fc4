/**
 * A provider's batch that a caller names, to be made a job's: the provider is asked for it, and it is refused where it
 * is not there, is of another size, has results for other requests, or is a job's already. Owns these refusals; what
 * the batch becomes is left to the verbs.
 */
import type { Queryable } from '../db/client.ts';
import { jobsHolding, lockProviderJob } from '../db/queries/provider-jobs.ts';
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

/**
 * Asks the provider for the batch. Throws `ProviderJobError` where it cannot be the one that is meant, and
 * `ProviderCallError` where the provider does not answer the question.
 */
export async function askForNamed(
  services: Services,
  { provider, client }: ProviderEntry,
  named: Pick<ProviderJob, 'providerJobId' | 'requestCount' | 'checkpoint'>,
  isOurs: (lines: readonly ReadLine[]) => Promise<boolean>,
): Promise<NamedBatch> {
  const { providerJobId, requestCount } = named;
  const job = { ...named, cancelRequestedAt: null };
  const reached = { provider, client: client() };
  const refuse = (problem: ProviderJobProblem, message: string) =>
    new ProviderJobError(problem, providerJobId, message);
  try {
    const within = AbortSignal.timeout(services.settings.callSeconds * 1000);
    const report = await reached.client.retrieve(job, within);
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
    throw refuse(problem, `The provider does not show such a batch: ${error.message}`);
  }
}

/** What a refusal says of the batch; null where it speaks of ourselves. Vendors refuse an id of another form as wrong. */
const problemOf = (status: number | null): ProviderJobProblem | null => {
  if (status === 403) return 'NOT_YOURS';
  return status === 400 || status === 404 || status === 422 ? 'NOT_THERE' : null;
};

/**
 * Throws `ProviderJobError` where the batch is another job's, of whatever organization, also where that job does not
 * know it yet and the batch carries its mark. Until the transaction ends nobody else can make it a job's by its name.
 */
export async function refuseTaken(
  { organizationId }: OrganizationScope,
  tx: Queryable,
  provider: string,
  { providerJobId, report }: NamedBatch,
  own: string | null = null,
): Promise<void> {
  const named = { provider, providerJobId };
  await lockProviderJob(workerScope, tx, named);
  const holding = await jobsHolding(workerScope, tx, named, marksIn(report.raw));
  const [holder] = holding.filter(({ id }) => id !== own);
  if (holder === undefined) return;
  const jobId = holder.organizationId === organizationId ? holder.id : null;
  const whose = jobId === null ? 'another job' : 'another job of yours';
  throw new ProviderJobError('TAKEN', providerJobId, `The batch belongs to ${whose} already.`, jobId);
}
