/**
 * Copies a job's results into the database, in chunks that each commit with their counts, usage and event, and
 * gives every item that got none an outcome by the job's fate. A crash resumes after the last chunk; a line read
 * twice counts once, because the primary key decides what is new and the cursor only skips. One bad line is one
 * bad item; a line of nobody's is kept as a stray. Of a job that still runs, what is there is copied, and no more
 * (`collect-running-job.ts`).
 */
import { countJobResults, insertResults, settleMissing } from '../db/queries/results.ts';
import { insertStrays, type Stray } from '../db/queries/strays.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { deadlineOf } from '../domain/deadline.ts';
import { workerScope } from '../domain/scope.ts';
import { isFinalJob } from '../domain/status.ts';
import { unknownUsage } from '../domain/usage.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { JobReport, Provider, ProviderClient } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { changeHeldJob, tryAgainLater } from './held-job.ts';
import { itemFinder, type PositionOf, type ReadLine } from './item-of-line.ts';
import { patchFromReport, providerJobOf } from './job-report.ts';
import { givenUp, type LastWord, lostJobCode, missingOutcome } from './missing-outcome.ts';
import { isHopeless } from './overdue-job.ts';
import { priceResults, type UnpricedResult } from './result-cost.ts';
import { storableText } from './storable-text.ts';
import { totalOf } from './tally.ts';
import { stalledCode, unlessStalled } from './unless-stalled.ts';

/** Collects the held job, which is over at its provider. Throws only what is neither the provider's nor a lost lease. */
export async function collectJob(
  services: Services,
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  signal: AbortSignal,
): Promise<void> {
  let gone = false;
  let mayPass = false;
  try {
    if (job.providerJobId !== null) {
      const report = await copyResults(services, { provider, client }, job, signal);
      if (report === 'later') return;
      mayPass = report.error?.retryable ?? false;
      const failure = await incompleteness(services, job, report);
      if (failure !== null) throw failure;
    }
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    const isLost = error.status === 404 && givenUp(job)?.code === lostJobCode;
    gone = error.kind === 'expired' || isLost || isHopeless(services, job, error, services.clock.now());
    if (!gone) {
      await changeHeldJob(services, job, (current, { now }) => {
        const later = tryAgainLater(current, error, now);
        // Where a vendor knows no ranges, getting to the cursor is itself a long silence; from the start there is none.
        const isStuck = error.code === stalledCode && current.cursor === job.cursor;
        return isStuck || error.code === incompleteCode
          ? { ...later, set: { ...later.set, cursor: null } }
          : later;
      });
      return;
    }
  }
  if (!gone && (await mayHaveSkipped(services, job))) return await readAgain(services, job);
  await settle(services, job, { gone, mayPass });
}

const incompleteCode = 'results_incomplete';

/** How often what ends too early is read again. A count may be wrong, and then nothing more would ever come. */
const incompleteTimes = 3;

/**
 * What is wrong where the provider counts more results than it gave, else null: an answer can end too early and look
 * whole, such as a compressed one that was cut, or a file that is not written to its end.
 */
async function incompleteness(
  { db }: Services,
  job: JobRow,
  { counts, resultsReady }: JobReport,
): Promise<ProviderFailure | null> {
  const counted = Math.min((counts.succeeded ?? 0) + (counts.errored ?? 0), job.requestCount);
  if (!resultsReady || job.failures >= incompleteTimes) return null;
  const copied = await db.read((q) => countJobResults(workerScope, q, job));
  if (copied >= counted) return null;
  return new ProviderFailure('unavailable', {
    code: incompleteCode,
    message: `The provider counts ${counted} results and gave ${copied} so far.`,
  });
}

/**
 * Whether items are open after a reading that went on from a cursor. A provider need not tell its lines in the same
 * order twice, so what the cursor skipped may not be what was read before.
 */
async function mayHaveSkipped({ db }: Services, job: JobRow): Promise<boolean> {
  if (job.cursor === null) return false;
  const copied = await db.read((q) => countJobResults(workerScope, q, job));
  return copied < job.requestCount;
}

/** Reads everything once more, from the start; what is there already does not count twice. */
async function readAgain(services: Services, job: JobRow): Promise<void> {
  await changeHeldJob(services, job, (_current, { now }) => ({
    event: 'JOB_DELAYED',
    set: { cursor: null, dueAt: now, leaseUntil: null },
  }));
}

/** How long results that should be there may stay away before they count as missing, and how often to look. */
const lateResults = { waitMinutes: 10, pauseSeconds: 30 };

async function copyResults(
  services: Services,
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  signal: AbortSignal,
): Promise<JobReport | 'later'> {
  const known = providerJobOf(job);
  const report = await client.retrieve(known, signal);
  // Of a job that we ended while its provider goes on, what is there is taken and nothing is waited for.
  const isOurEnd = givenUp(job) !== null && (report.status === null || !isFinalJob(report.status));
  const pauseUntil = report.resultsReady || isOurEnd ? null : waitFor(services, job, report);
  await changeHeldJob(services, job, (current, { now }) => {
    // Failures count on until a chunk arrives; a provider that answers and has no results is asked more slowly.
    const { leaseUntil, failures, ...told } = patchFromReport(services, current, report, {
      now,
      random: Math.random(),
    });
    const reason = givenUp(job);
    const set = reason === null ? told : { ...told, errorCode: reason.code, errorMessage: reason.message };
    return pauseUntil === null
      ? { event: 'JOB_POLLED', set }
      : { event: 'JOB_DELAYED', set: { ...set, leaseUntil, dueAt: pauseUntil } };
  });
  if (pauseUntil !== null) return 'later';
  if (report.resultsReady) await copyLines(services, { provider, client }, job, report, signal);
  return report;
}

/**
 * Copies what the provider gives after the job's cursor, a transaction for each chunk. A job that still runs ends with
 * the last of its results, so that no batch ends before its jobs.
 */
export async function copyLines(
  services: Services,
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  report: JobReport,
  signal: AbortSignal,
): Promise<void> {
  const findItems = await itemFinder(services, provider, job);
  const results = unlessStalled(
    (within) => client.results({ ...providerJobOf(job), report }, job.cursor, within),
    services.settings.callSeconds,
    signal,
  );
  // Of an answer that ends too early the last line is half of one, and not to be taken for what it seems.
  let held: ReadLine[] = [];
  let cursor = job.cursor;
  for await (const chunk of results) {
    if (chunk.lines.length === 0) continue;
    const read = [...held, ...chunk.lines.map((line) => ({ line, read: provider.decoding.decode(line) }))];
    held = read.at(-1)?.read.kind === 'malformed' ? read.splice(-1) : [];
    if (held.length === 0) ({ cursor } = chunk);
    const sorted = sortLines(read, await findItems(read));
    if ((await writeChunk(services, job, cursor, sorted)) === 'ended') return;
  }
  if (held.length === 0 || (await incompleteness(services, job, report)) !== null) return;
  await writeChunk(services, job, cursor, sortLines(held, await findItems(held)));
}

/** When to look again for results that a provider owes and does not show yet; null when none are owed any more. */
function waitFor({ clock, settings }: Services, job: JobRow, { status, counts }: JobReport): Date | null {
  const now = clock.now();
  const pause = new Date(now.getTime() + lateResults.pauseSeconds * 1000);
  // A provider that takes its word back owes all of them, for as long as it may take.
  if (status === null || !isFinalJob(status)) {
    const deadline = deadlineOf(job, settings.graceSeconds);
    return deadline === null || now < deadline ? pause : null;
  }
  const owed = status === 'COMPLETED' || (counts.succeeded ?? 0) + (counts.errored ?? 0) > 0;
  const endedAt = job.completedAt ?? job.expiredAt ?? job.cancelledAt ?? job.failedAt ?? now;
  const waitedMinutes = (now.getTime() - endedAt.getTime()) / 60_000;
  return owed && waitedMinutes < lateResults.waitMinutes ? pause : null;
}

interface SortedLines {
  readonly results: readonly UnpricedResult[];
  readonly strays: readonly Stray[];
}

/** What the lines say of our items, and the lines that say nothing of them. */
function sortLines(lines: readonly ReadLine[], positionOf: PositionOf): SortedLines {
  const results: UnpricedResult[] = [];
  const strays: Stray[] = [];
  for (const entry of lines) {
    const { line, read } = entry;
    const position = positionOf(entry);
    if (position === null) {
      strays.push({
        line: storableText(line),
        reason: read.kind === 'result' ? 'its key belongs to no item of the job' : read.reason,
      });
    } else if (read.kind === 'malformed') {
      results.push({
        position,
        status: 'ERRORED',
        errorCode: 'malformed_result',
        errorMessage: `The provider's result line cannot be read: ${read.reason}.`,
        retryable: true,
        stopReason: null,
        ...unknownUsage,
        charged: null,
        response: storableText(line),
      });
    } else {
      const { usage, errorCode, errorMessage, stopReason, charged = null, ...outcome } = read.outcome;
      results.push({
        position,
        ...outcome,
        ...usage,
        charged,
        errorCode: errorCode === null ? null : storableText(errorCode),
        errorMessage: errorMessage === null ? null : storableText(errorMessage),
        stopReason: stopReason === null ? null : storableText(stopReason),
        response: storableText(line),
      });
    }
  }
  return { results, strays };
}

async function writeChunk(
  services: Services,
  job: JobRow,
  cursor: string | null,
  sorted: SortedLines,
): Promise<'more' | 'ended'> {
  let ended = false;
  const results = await priceResults(services, job, sorted.results);
  await changeHeldJob(services, job, async (current, { now, seq, tx }) => {
    const origin = { batchId: job.batchId, jobId: job.id, attempt: job.attempt, seq, at: now };
    const tally = await insertResults(workerScope, tx, origin, results);
    const strays = await insertStrays(
      workerScope,
      tx,
      { jobId: job.id, batchId: job.batchId, seq, at: now },
      sorted.strays,
    );
    // Lines that were read before change nothing that anybody could see, and end no row of failures.
    if (totalOf(tally) === 0 && strays === 0) return { event: null, set: { cursor } };
    const set = { cursor, failures: 0 };
    ended = !isFinalJob(current.status) && (await countJobResults(workerScope, tx, job)) >= job.requestCount;
    return {
      event: 'RESULTS_ADDED',
      data: { lines: results.length + sorted.strays.length, strays },
      set: ended ? { ...set, ...complete(now) } : set,
      settled: { tally, from: 'submitted' },
    };
  });
  return ended ? 'ended' : 'more';
}

/** Every item has its result: whatever the provider still says of the job, there is nothing left to do to it. */
const complete = (now: Date) =>
  ({
    status: 'COMPLETED',
    completedAt: now,
    collected: true,
    resultsWaiting: false,
    dueAt: null,
    leaseUntil: null,
  }) as const;

/** Gives items without a line their outcome, and ends the job. */
export async function settle(services: Services, job: JobRow, lastWord: LastWord): Promise<void> {
  await changeHeldJob(services, job, async (current, { now, seq, tx }) => {
    const origin = { batchId: job.batchId, jobId: job.id, attempt: job.attempt, seq, at: now };
    const outcome = missingOutcome(current, lastWord);
    const reason = givenUp(current);
    const tally = await settleMissing(workerScope, tx, origin, { positions: job.positions, ...outcome });
    return {
      event: 'RESULTS_ADDED',
      set: {
        ...(reason === null ? {} : { errorCode: reason.code, errorMessage: reason.message }),
        collected: true,
        resultsWaiting: false,
        dueAt: null,
        leaseUntil: null,
      },
      settled: { tally, from: 'submitted' },
    };
  });
}
