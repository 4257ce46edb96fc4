/**
 * Finds out what became of a submission whose answer was lost. The provider's list is searched for the job's
 * key; what is found is adopted, absence counts only when nothing can appear any more, and where it cannot be
 * known the job stays UNKNOWN with its evidence and nothing is sent. Owns the search and its bookkeeping; the
 * verdict is `domain/recovery.ts`.
 */
import { providerJobsOfOthers } from '../db/queries/provider-jobs.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { deadlineOf } from '../domain/deadline.ts';
import type { JsonObject } from '../domain/json-line.ts';
import { afterSearch, type SearchVerdict } from '../domain/recovery.ts';
import { workerScope } from '../domain/scope.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { Provider, ProviderClient, Sighting } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { changeHeldJob, type HeldJobChange, tryAgainLater } from './held-job.ts';
import { namesItems } from './item-of-line.ts';
import { patchFromFound, providerJobOf, submissionOf } from './job-report.ts';
import { endedUnsent } from './overdue-job.ts';
import { passTurn, sendingTimes } from './turn.ts';
import { notYetOver, whoseBatch } from './whose-batch.ts';

/** Looks for the held job: one whose sender died (PENDING without a provider's id), or one that is UNKNOWN. */
export async function recoverJob(
  services: Services,
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  signal: AbortSignal,
): Promise<void> {
  if (job.status === 'PENDING') await markUnknown(services, job);
  const startedAt = services.clock.now();
  try {
    const seen = await search(services, { provider, client }, job, signal);
    const candidates = await toldApart(services, { provider, client }, job, seen, signal);
    // What nobody wants any more need not be complete to be stopped, and need not wait until it could be.
    const isWanted = job.cancelRequestedAt === null;
    const sightings = isWanted ? candidates.sightings : candidates.sightings.map(asItIs);
    const verdict = afterSearch({
      sightings,
      now: startedAt,
      sendBefore: job.sendBefore ?? startedAt,
      ...sendingTimes(services, provider),
      ...recoveryOf(provider, job),
    });
    const index = verdict.verdict === 'adopt' || verdict.verdict === 'resume' ? verdict.index : -1;
    const found = sightings[index];
    if (found?.unfinished !== undefined) await resume(services, job, found, found.unfinished);
    else if (found !== undefined) await adopt(services, client, job, { found, ...candidates }, signal);
    else {
      await changeHeldJob(services, job, (current, { now }) =>
        withoutFind(
          current,
          verdict,
          {
            ...candidates,
            isOpen: candidates.isOpen && mayStillEnd(services, job),
            isResumable: provider.capabilities.resumable,
          },
          now,
        ),
      );
    }
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    await changeHeldJob(
      services,
      job,
      (current, { now }) => endedUnsent(services, current, error, now) ?? tryAgainLater(current, error, now),
    );
  }
  await passTurn(services, provider, job);
}

const asItIs = ({ unfinished: _, ...sighting }: Sighting): Sighting => sighting;

/** How well this job can be found: by a key that is a callback URL only where it was given one. */
function recoveryOf({ capabilities }: Provider, { callbackUrl }: JobRow) {
  const { recovery, recoveryNeedsCallback, absenceProves } = capabilities;
  return {
    recovery: recoveryNeedsCallback && callbackUrl === null ? ('NONE' as const) : recovery,
    absenceProves,
  };
}

/** Goes on with a batch that was begun and lacks items: the job is sent again, from what is known of it. */
async function resume(
  services: Services,
  job: JobRow,
  { evidence }: Sighting,
  checkpoint: JsonObject,
): Promise<void> {
  await changeHeldJob(services, job, (current, { now }) => {
    const again = { dueAt: now, leaseUntil: null, evidence: { ...current.evidence, found: evidence } };
    return current.cancelRequestedAt === null
      ? { event: 'JOB_DELAYED', data: { resumed: true }, set: { ...again, status: 'CREATED', checkpoint } }
      : { event: 'JOB_DELAYED', set: again };
  });
}

/**
 * What the provider shows that may be this job, without what is known to be another's. A batch that another job
 * only holds for the time being may well be this one's: its results will tell, and until then it is not absent.
 */
async function search(
  { db }: Services,
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  signal: AbortSignal,
): Promise<readonly Sighting[]> {
  // What carries our key may be of any try; what merely fits can only be of the last.
  const submission = submissionOf(job);
  const intentAt = provider.capabilities.recovery === 'EXACT' ? job.createdAt : submission.intentAt;
  const sightings = await client.find({ ...submission, intentAt }, signal);
  const ids = sightings.map(({ providerJobId }) => providerJobId);
  const taken = await db.read((q) => providerJobsOfOthers(workerScope, q, job, ids));
  const refuted = job.evidence?.['notOurs'];
  return sightings.filter(
    ({ providerJobId }) =>
      !taken.has(providerJobId) && !(Array.isArray(refuted) && refuted.includes(providerJobId)),
  );
}

async function markUnknown(services: Services, job: JobRow): Promise<void> {
  await changeHeldJob(services, job, (current) => ({
    event: 'JOB_UNKNOWN',
    set: { status: 'UNKNOWN', evidence: { ...current.evidence, lostAnswer: 'sender_died' } },
  }));
}

/** What a search came to before it is judged. */
interface Candidates {
  readonly sightings: readonly Sighting[];
  /** Batches that fit and are proven to be somebody else's. */
  readonly notOurs: readonly string[];
  /** Whether the results of one of several are still to come, and may tell whose it is. */
  readonly isOpen: boolean;
}

/** Several batches that merely fit, told apart by the results of those that have ended. */
async function toldApart(
  services: Services,
  reached: { provider: Provider; client: ProviderClient },
  job: JobRow,
  sightings: readonly Sighting[],
  signal: AbortSignal,
): Promise<Candidates> {
  if (sightings.length < 2 || sightings.some(({ proof }) => proof === 'EXACT')) {
    return { sightings, notOurs: [], isOpen: false };
  }
  const isOurs = await namesItems(services, reached.provider, job);
  const left: Sighting[] = [];
  const notOurs: string[] = [];
  let isOpen = false;
  for (const sighting of sightings) {
    const candidate = { ...job, providerJobId: sighting.providerJobId };
    const report = await reached.client.retrieve(providerJobOf(candidate), signal);
    const owner = await whoseBatch(
      services,
      reached,
      { ...providerJobOf(candidate), report },
      isOurs,
      signal,
    );
    if (owner === 'ours') return { sightings: [{ ...sighting, proof: 'EXACT' }], notOurs, isOpen: false };
    if (owner === 'anothers') notOurs.push(sighting.providerJobId);
    else left.push(sighting);
    if (owner === 'not-yet-known') isOpen = true;
  }
  return { sightings: left, notOurs, isOpen };
}

async function adopt(
  services: Services,
  client: ProviderClient,
  job: JobRow,
  { found, notOurs }: Candidates & { readonly found: Sighting },
  signal: AbortSignal,
): Promise<void> {
  const report = await client.retrieve(providerJobOf({ ...job, providerJobId: found.providerJobId }), signal);
  // The poll that sees its end proves by its results that it is ours, and can still let go of it.
  const taken = found.proof === 'PROVISIONAL' ? notYetOver(report) : report;
  await changeHeldJob(services, job, (current, { now }) => ({
    event: 'JOB_SUBMITTED',
    data: { adopted: true },
    set: {
      ...patchFromFound(
        services,
        current,
        { providerJobId: found.providerJobId, report: taken },
        { now, random: Math.random() },
      ),
      ...(current.cancelRequestedAt === null ? {} : { dueAt: now }),
      evidence: { ...refuting(current, notOurs), proof: found.proof, found: found.evidence },
    },
  }));
}

/** The job's evidence, with batches that are not its own added to those it knows already. */
function refuting({ evidence }: JobRow, more: readonly string[]): JsonObject {
  const known = evidence?.['notOurs'];
  return more.length === 0
    ? { ...evidence }
    : { ...evidence, notOurs: [...(Array.isArray(known) ? known : []), ...more] };
}

/** Whether batches that fit can be expected to end: none made when the job was sent has a right to run any more. */
const mayStillEnd = ({ settings, clock }: Services, { sendBefore, completionWindow }: JobRow): boolean => {
  const sent = { submittedAt: sendBefore, expiresAt: null, completionWindow };
  const deadline = deadlineOf(sent, settings.graceSeconds);
  return deadline === null || clock.now() < deadline;
};

/** How long to wait between searches that only results to come can decide. */
const openPauseMinutes = 5;

/** What a search that adopted nothing leaves behind; the sightings stay with the job as its evidence. */
function withoutFind(
  current: JobRow,
  verdict: SearchVerdict,
  { sightings, notOurs, isOpen, isResumable }: Candidates & { readonly isResumable: boolean },
  now: Date,
): HeldJobChange | null {
  const evidence: JsonObject = {
    ...refuting(current, notOurs),
    searchedAt: now.toISOString(),
    sightings: sightings.map((sighting) => sighting.evidence),
  };
  const given = { leaseUntil: null, evidence };
  switch (verdict.verdict) {
    case 'adopt':
    case 'resume':
      return null;
    case 'look-again':
      return { event: 'JOB_DELAYED', set: { ...given, dueAt: verdict.at } };
    case 'absent':
      return current.cancelRequestedAt === null
        ? {
            event: 'JOB_DELAYED',
            // What was begun is not there: nothing of it can be gone on with.
            set: { ...given, status: 'CREATED', dueAt: now, ...(isResumable ? { checkpoint: null } : {}) },
          }
        : { event: 'JOB_POLLED', set: { ...given, status: 'CANCELLED', cancelledAt: now, dueAt: now } };
    case 'ask-a-person':
      return isOpen
        ? {
            event: 'JOB_DELAYED',
            set: { ...given, dueAt: new Date(now.getTime() + openPauseMinutes * 60_000) },
          }
        : {
            event: 'JOB_UNKNOWN',
            data: { needsPerson: verdict.reason },
            set: { ...given, dueAt: null, evidence: { ...evidence, needsPerson: verdict.reason } },
          };
  }
}
