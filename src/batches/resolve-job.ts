/**
 * `resolveJob`: a person settles a job of which it cannot be known whether it was created. Whoever searches for it
 * meanwhile loses it, so that of two answers only one counts; what was said, by whom and when stays in its evidence.
 * Owns what follows from each answer; which may be given when is `domain/resolution.ts`.
 */
import { reachFor } from '../credentials/reach.ts';
import { findJob } from '../db/queries/jobs.ts';
import { settleMissing } from '../db/queries/results.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { type JobResolution, personReasonOf, standsAgainst } from '../domain/resolution.ts';
import type { OrganizationScope } from '../domain/scope.ts';
import { JobStateError, NotFoundError } from '../errors.ts';
import type { ProviderEntry } from '../providers/access.ts';
import type { Services } from '../services.ts';
import type { BatchChange, JobChange } from './batch-change.ts';
import type { Moment } from './held-job.ts';
import { namesItems } from './item-of-line.ts';
import { patchFromFound } from './job-report.ts';
import { type GivenUp, givenUpCode, missingOutcome } from './missing-outcome.ts';
import { askForNamed, type NamedBatch, refuseTaken } from './named-batch.ts';
import { retriedByPolicy } from './retry-by-policy.ts';
import { transition } from './transition.ts';
import { notYetOver } from './whose-batch.ts';

/** A job that was settled or taken over, and its batch as it then is. */
export interface JobOfBatch {
  readonly job: JobRow;
  readonly batch: BatchRow;
}

/**
 * Settles the job. Throws `NotFoundError`, `JobStateError` where it need not or must not be settled so, and, of a batch
 * that is named, what `reachFor`, `askForNamed` and `refuseTaken` throw; nothing is changed then.
 */
export async function resolveJob(
  services: Services,
  scope: OrganizationScope,
  jobId: string,
  resolution: JobResolution,
): Promise<JobOfBatch> {
  const { db, clock, settings } = services;
  const refuseUnfit = (job: JobRow) => {
    const moment = { now: clock.now(), requestTimeoutSeconds: settings.callSeconds };
    const problem = standsAgainst(job, resolution, moment);
    if (problem !== null) throw new JobStateError(job.status, problem);
  };
  const seen = await db.read((q) => findJob(scope, q, jobId));
  if (seen === null) throw new NotFoundError('job', jobId);
  refuseUnfit(seen);
  const named =
    resolution.kind === 'PROVIDER_JOB' ? await askFor(services, scope, seen, resolution.providerJobId) : null;
  return db.transaction(async (tx) => {
    if (named !== null) await refuseTaken(scope, tx, seen.provider, named.batch, jobId);
    const batch = await transition(services, scope, tx, seen.batchId, async (locked) => {
      const { jobs, ...moment } = locked;
      const job = jobs.find(({ id }) => id === jobId);
      if (job === undefined) throw new NotFoundError('job', jobId);
      refuseUnfit(job);
      const settled = settledBy(scope, job, resolution, moment.now);
      const change =
        named !== null
          ? foundBy(services, settled, named, moment)
          : resolution.kind === 'NOT_CREATED'
            ? sentAgain(services, settled, moment)
            : await givenUp(scope, settled, { ...moment, tx });
      const data = { job: job.number, resolution: resolution.kind };
      return retriedByPolicy(services, tx, locked, { event: 'JOB_RESOLVED', data, ...change });
    });
    const job = await findJob(scope, tx, jobId);
    if (job === null) throw new Error('a job stays with its batch');
    return { job, batch };
  });
}

interface Named {
  readonly batch: NamedBatch;
  readonly entry: ProviderEntry;
}

async function askFor(
  services: Services,
  scope: OrganizationScope,
  job: JobRow,
  providerJobId: string,
): Promise<Named> {
  const entry = await services.db.read((q) => reachFor(services, q, job, 'READ'));
  const isOurs = await namesItems(services, entry.provider, job);
  const { id: own, requestCount, checkpoint } = job;
  const wish = { providerJobId, requestCount, checkpoint, own };
  const batch = await askForNamed(services, scope, entry, wish, isOurs);
  return { batch, entry };
}

/** The job as it was found, and what every answer changes of it: nobody who holds it now can write it any more. */
function settledBy(scope: OrganizationScope, job: JobRow, resolution: JobResolution, now: Date): JobChange {
  const { needsPerson: _, resolutions, ...evidence } = job.evidence ?? {};
  const told = {
    ...resolution,
    by: scope.apiKeyId,
    at: now.toISOString(),
    needsPerson: personReasonOf(job),
  };
  return {
    job,
    set: {
      leaseEpoch: job.leaseEpoch + 1,
      leaseUntil: null,
      failures: 0,
      errorCode: null,
      errorMessage: null,
      evidence: { ...evidence, resolutions: [...(Array.isArray(resolutions) ? resolutions : []), told] },
    },
  };
}

type Change = Omit<BatchChange, 'event'>;

/** The job is the batch that was named. Where its results do not say so yet they will, before its end is taken for the job's. */
function foundBy(
  services: Services,
  { job, set }: JobChange,
  { batch: { providerJobId, report, owner }, entry }: Named,
  { now }: Pick<Moment, 'now'>,
): Change {
  const isProven = owner === 'ours';
  const found = { providerJobId, report: isProven ? report : notYetOver(report) };
  return {
    jobs: [
      {
        job,
        set: {
          ...set,
          ...patchFromFound(services, job, found, { now, random: Math.random() }),
          credential: entry.credential ?? job.credential,
          evidence: {
            ...set.evidence,
            proof: isProven ? 'PROVEN' : 'PERSON',
            found: { providerJobId, providerStatus: report.providerStatus },
          },
          dueAt: now,
        },
      },
    ],
  };
}

/** The job was never created: it is sent again, unless nobody wants it any more. */
function sentAgain(services: Services, { job, set }: JobChange, { now }: Pick<Moment, 'now'>): Change {
  const isResumable = services.providers.find(job.provider)?.provider.capabilities.resumable === true;
  const next =
    job.cancelRequestedAt === null
      ? ({ status: 'CREATED', ...(isResumable ? { checkpoint: null } : {}) } as const)
      : ({ status: 'CANCELLED', cancelledAt: now } as const);
  return { jobs: [{ job, set: { ...set, ...next, dueAt: now } }] };
}

const unknowable: GivenUp = {
  code: givenUpCode,
  message:
    'It is not known whether the provider has processed this request; its job was given up by a person.',
};

/** Nobody waits for the job any more. What it has cost, if anything, is not known either. */
async function givenUp(
  scope: OrganizationScope,
  { job, set }: JobChange,
  { now, seq, tx }: Moment,
): Promise<Change> {
  const { code: errorCode, message: errorMessage } = unknowable;
  const evidence = { ...set.evidence, givenUp: { ...unknowable } };
  const origin = { batchId: job.batchId, jobId: job.id, attempt: job.attempt, seq, at: now };
  const outcome = missingOutcome({ ...job, status: 'FAILED', evidence }, { gone: false, mayPass: false });
  const tally = await settleMissing(scope, tx, origin, { positions: job.positions, ...outcome });
  const failed = {
    status: 'FAILED',
    failedAt: now,
    collected: true,
    resultsWaiting: false,
    dueAt: null,
    // Nobody knows what is there, and whether results are among it.
    providerFiles: 'KEPT',
  } as const;
  return {
    jobs: [{ job, set: { ...set, ...failed, errorCode, errorMessage, evidence } }],
    settled: { tally, from: 'submitted' },
  };
}
