/**
 * Asks a provider how a job is doing and writes the answer; passes on a wish to cancel. Owns when what is asked; copying
 * results is `collect-job.ts`, and what becomes of a job whose time is over `overdue-job.ts`.
 */
import type { JobPatch } from '../db/queries/jobs.ts';
import { countJobResults } from '../db/queries/results.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { deadlineOf } from '../domain/deadline.ts';
import { unprovenWords } from '../domain/recovery.ts';
import { workerScope } from '../domain/scope.ts';
import { isFinalJob } from '../domain/status.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { JobReport, Provider, ProviderClient } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { changeHeldJob, type HeldJobChange, tryAgainLater } from './held-job.ts';
import { namesItems } from './item-of-line.ts';
import { doneIn, patchFromReport, providerJobOf } from './job-report.ts';
import { givenUpAfter, withinDeadline } from './overdue-job.ts';
import { notYetOver, type Owner, whoseBatch } from './whose-batch.ts';

/** Polls the held job once. Throws only what is neither the provider's nor a lost lease. */
export async function pollJob(
  services: Services,
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  signal: AbortSignal,
): Promise<void> {
  try {
    const report = await ask(provider, client, job, signal);
    if (report.status === null && report.providerStatus !== job.providerStatus) {
      services.log.warn(
        { jobId: job.id, provider: job.provider },
        'the provider uses a status word that is not known',
      );
    }
    const owner = await ownerOf(services, { provider, client }, job, report, signal);
    const hasNews = owner === 'ours' && (await resultsAreWaiting(services, provider, job, report));
    await write(services, job, (current, now) => {
      const change =
        owner === 'anothers'
          ? lettingGo(current, now)
          : owner === 'not-yet-known' && isUnprovable(services, current, now)
            ? unproven(current)
            : withNews(told(services, current, report, owner, now), hasNews, now);
      // Every sync that was asked for before this poll began has its answer; one that failed is none.
      const served = { ...change, set: { ...change.set, syncServed: job.syncRequested } };
      // What merely fits is neither stopped nor ended; what a person has named is.
      const isTaken = owner === 'ours' || (owner !== 'anothers' && !isProvisional(current));
      return isTaken ? withinDeadline(services, provider, current, served, now) : served;
    });
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    await write(
      services,
      job,
      (current, now) => givenUpAfter(services, current, error, now) ?? tryAgainLater(current, error, now),
    );
  }
}

async function ask(
  provider: Provider,
  client: ProviderClient,
  job: JobRow,
  signal: AbortSignal,
): Promise<JobReport> {
  // What merely fits may be somebody else's, and is not ours to stop.
  const wantsCancel = job.cancelRequestedAt !== null && job.status !== 'CANCELLING' && !isProvisional(job);
  const known = providerJobOf(job);
  if (!wantsCancel || !provider.capabilities.cancel) return client.retrieve(known, signal);
  try {
    return await client.cancel(known, signal);
  } catch (error) {
    // One that will not be stopped goes on, and is asked how it does.
    if (!(error instanceof ProviderFailure) || error.kind !== 'rejected') throw error;
    return client.retrieve(known, signal);
  }
}

/** Whether the job was adopted by circumstances alone, and nothing has proven it since. */
const isProvisional = (job: JobRow): boolean => job.evidence?.['proof'] === 'PROVISIONAL';

/** Whether nothing has proven yet that the batch is the job's. */
const isUnproven = ({ evidence }: JobRow): boolean =>
  unprovenWords.some((word) => word === evidence?.['proof']);

/** Whose the batch is, before any of its results is taken. */
async function ownerOf(
  services: Services,
  reached: { provider: Provider; client: ProviderClient },
  job: JobRow,
  report: JobReport,
  signal: AbortSignal,
): Promise<Owner> {
  if (!isUnproven(job)) return 'ours';
  const isOurs = await namesItems(services, reached.provider, job);
  const owner = await whoseBatch(services, reached, { ...providerJobOf(job), report }, isOurs, signal);
  if (owner === 'unreadable' && report.status !== null && isFinalJob(report.status)) {
    services.log.warn({ jobId: job.id }, 'an adopted job has no readable result that could prove it');
  }
  return owner;
}

/** What the provider told, written down. The end of a batch that nothing has proven yet is not taken for the job's. */
function told(
  services: Services,
  current: JobRow,
  report: JobReport,
  owner: Owner,
  now: Date,
): HeldJobChange {
  const isProven = owner === 'ours' && isUnproven(current);
  // What a person has named may also have failed; what completed owes results, which will tell.
  const owesProof = isProvisional(current) || report.status === 'COMPLETED';
  const taken = owner === 'not-yet-known' && owesProof ? notYetOver(report) : report;
  return {
    event: 'JOB_POLLED',
    set: {
      ...patchFromReport(services, current, taken, { now, random: Math.random() }),
      ...(isProven ? { evidence: { ...current.evidence, proof: 'PROVEN' } } : {}),
    },
  };
}

/** Whether the provider has results of a job that still runs which are not copied yet, as far as its counts tell. */
async function resultsAreWaiting(
  { db }: Services,
  { capabilities }: Provider,
  job: JobRow,
  { status, resultsReady, counts }: JobReport,
): Promise<boolean> {
  const runs = status === 'RUNNING' || status === 'CANCELLING';
  if (!capabilities.partialResults || !resultsReady || !runs) return false;
  const done = doneIn(counts);
  return done === null || done > (await db.read((q) => countJobResults(workerScope, q, job)));
}

/** Results that wait are copied at once; the next poll comes after that. */
function withNews(change: HeldJobChange, hasNews: boolean, now: Date): HeldJobChange {
  const { status } = change.set;
  if (!hasNews || (status !== 'RUNNING' && status !== 'CANCELLING')) return change;
  return { ...change, set: { ...change.set, resultsWaiting: true, dueAt: now } };
}

/** Lets go of another's batch and of all that it told; the search goes on without it. */
function lettingGo(current: JobRow, now: Date): HeldJobChange {
  const { proof: _, found: __, notOurs, ...evidence } = current.evidence ?? {};
  return {
    event: 'JOB_UNKNOWN',
    set: {
      ...untold,
      status: 'UNKNOWN',
      dueAt: now,
      leaseUntil: null,
      evidence: { ...evidence, notOurs: [...(Array.isArray(notOurs) ? notOurs : []), current.providerJobId] },
    },
  };
}

/** Whether nothing will prove any more whose batch it is: it should have ended long ago, as should the job's own. */
function isUnprovable({ settings }: Services, current: JobRow, now: Date): boolean {
  const deadline = deadlineOf(current, settings.graceSeconds);
  return deadline !== null && now >= deadline;
}

/** Lets go of a batch that merely fits and does not end: it may be somebody else's, so a person has to say. */
function unproven(current: JobRow): HeldJobChange {
  const { proof: _, ...evidence } = current.evidence ?? {};
  return {
    event: 'JOB_UNKNOWN',
    data: { needsPerson: 'ambiguous' },
    set: {
      ...untold,
      status: 'UNKNOWN',
      dueAt: null,
      leaseUntil: null,
      evidence: { ...evidence, fits: current.providerJobId, needsPerson: 'ambiguous' },
    },
  };
}

/** What a job knows only from its provider, forgotten. */
const untold = {
  providerJobId: null,
  providerStatus: null,
  raw: null,
  finalizing: false,
  providerTotal: null,
  providerSucceeded: null,
  providerErrored: null,
  providerExpired: null,
  providerCancelled: null,
  inputFileId: null,
  outputFileId: null,
  errorFileId: null,
  submittedAt: null,
  inProgressAt: null,
  finalizingAt: null,
  cancellingAt: null,
  expiresAt: null,
  resultsExpireAt: null,
  resultsWaiting: false,
} as const satisfies JobPatch;

/** Writes onto the job as it now is. A sync or a wish to cancel that came while it ran needs another poll at once. */
async function write(
  services: Services,
  job: JobRow,
  decide: (current: JobRow, now: Date) => HeldJobChange,
): Promise<void> {
  await changeHeldJob(services, job, (current, { now }) => {
    if (isFinalJob(current.status)) return null;
    const change = decide(current, now);
    const isWanted =
      current.syncRequested > job.syncRequested ||
      (current.cancelRequestedAt !== null && job.cancelRequestedAt === null);
    return isWanted ? { ...change, set: { ...change.set, dueAt: now } } : change;
  });
}
