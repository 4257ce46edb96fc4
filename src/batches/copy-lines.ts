/**
 * Copies what a provider gives of a job into the database, in chunks that each commit with their counts, usage and event.
 * While one is stored the next is read, but nothing is asked of the provider, so what happens to it stays in one order.
 * One bad line is one bad item; a line of nobody's is kept as a stray.
 */
import type { Database } from '../db/client.ts';
import { type CountedResult, countJobResults, insertResults, ResultRows } from '../db/queries/results.ts';
import { addSpend } from '../db/queries/spend.ts';
import { insertStrays, type Stray } from '../db/queries/strays.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import { workerScope } from '../domain/scope.ts';
import { isFinalJob } from '../domain/status.ts';
import { addTallies, type Tally, tallyOf } from '../domain/tally.ts';
import { unknownUsage } from '../domain/usage.ts';
import { ProviderFailure } from '../providers/failure.ts';
import type { JobReport, Outcome, Provider, ProviderClient } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { filesAfter } from './files-after.ts';
import { changeHeldJob } from './held-job.ts';
import { itemFinder, type PositionOf, type ReadLine } from './item-of-line.ts';
import { providerJobOf } from './job-report.ts';
import { resultPricer } from './result-cost.ts';
import { storableText } from './storable-text.ts';
import { unlessStalled } from './unless-stalled.ts';

/**
 * Copies what the provider gives after the job's cursor, a transaction for each chunk, one after the other. A job that still
 * runs ends with the last of its results, so that no batch ends before its jobs.
 */
export async function copyLines(
  services: Services,
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  report: JobReport,
  signal: AbortSignal,
): Promise<void> {
  let writing: ReturnType<typeof writeChunk> = Promise.resolve('more');
  const lookingUp = { ...services, db: afterWriting(services.db, () => writing) };
  const findItems = await itemFinder(lookingUp, provider, job);
  const results = unlessStalled(
    (within) => client.results({ ...providerJobOf(job), report }, job.cursor, within),
    services.settings.callSeconds,
    signal,
  );
  // Of an answer that ends too early the last line is half of one, and not to be taken for what it seems.
  let held: ReadLine[] = [];
  let cursor = job.cursor;
  // One is filled while the other is stored.
  let [free, busy] = [new ResultRows(job), new ResultRows(job)];
  try {
    for await (const { lines, isFollowed = false, ...chunk } of results) {
      if (lines.length === 0) continue;
      const read = [...held, ...lines.map((line) => ({ line, read: provider.decoding.decode(line) }))];
      held = read.at(-1)?.read.kind === 'malformed' ? read.splice(-1) : [];
      if (held.length === 0) ({ cursor } = chunk);
      [free, busy] = [busy, free];
      const sorted = await sortLines(lookingUp, job, read, { findItems, results: busy });
      if ((await writing) === 'ended') return;
      writing = writeChunk(services, job, cursor, sorted);
      // Its failure is met when it is waited for, which may be later than it comes.
      writing.catch(() => undefined);
      // While one chunk is stored the next is read, but nothing is asked of the provider.
      if (!isFollowed && (await writing) === 'ended') return;
    }
  } finally {
    await writing.catch(() => undefined);
  }
  if (held.length === 0 || (await incompleteness(services, job, report)) !== null) return;
  const last = await sortLines(lookingUp, job, held, { findItems, results: free });
  await writeChunk(services, job, cursor, last);
}

/** What is looked up for a chunk comes after what stores the one before, so that our own statements stay in one order, too. */
const afterWriting = (db: Database, writing: () => Promise<unknown>): Database => ({
  ...db,
  async read(work) {
    await writing();
    return db.read(work);
  },
});

/** The code of an answer that ended too early. */
export const incompleteCode = 'results_incomplete';

/** How often what ends too early is read again. A count may be wrong, and then nothing more would ever come. */
const incompleteTimes = 3;

/**
 * What is wrong where the provider counts more results than it gave, else null: an answer can end too early and look
 * whole, such as a compressed one that was cut, or a file that is not written to its end.
 */
export async function incompleteness(
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

interface SortedLines {
  readonly results: ResultRows;
  readonly strays: readonly Stray[];
}

/** Fills `results` with what the lines say of our items, with what it cost; the lines that say nothing of them are strays. */
async function sortLines(
  services: Services,
  job: JobRow,
  lines: readonly ReadLine[],
  {
    findItems,
    results,
  }: { findItems: (lines: readonly ReadLine[]) => Promise<PositionOf>; results: ResultRows },
): Promise<SortedLines> {
  const positions = lines.map(await findItems(lines));
  const priceOf = await resultPricer(
    services,
    job,
    positions.filter((position) => position !== null),
  );
  results.clear();
  const strays: Stray[] = [];
  for (const [place, { line, read }] of lines.entries()) {
    const position = positions[place] ?? null;
    const response = storableText(line);
    if (position === null) {
      const reason = read.kind === 'result' ? 'its key belongs to no item of the job' : read.reason;
      strays.push({ line: response, reason });
      continue;
    }
    const outcome = read.kind === 'result' ? read.outcome : malformed(read.reason);
    const { status, retryable, usage, charged = null } = outcome;
    const { model, cost, saved } = priceOf(position, usage, charged);
    const errorCode = storable(outcome.errorCode);
    const errorMessage = storable(outcome.errorMessage);
    const stopReason = storable(outcome.stopReason);
    const words = { status, errorCode, errorMessage, retryable, stopReason };
    results.add({ position, ...words, ...usage, cost, saved, response }, model);
  }
  return { results, strays };
}

const storable = (text: string | null): string | null => (text === null ? null : storableText(text));

const malformed = (reason: string): Outcome => ({
  status: 'ERRORED',
  errorCode: 'malformed_result',
  errorMessage: `The provider's result line cannot be read: ${reason}.`,
  retryable: true,
  stopReason: null,
  usage: unknownUsage,
});

async function writeChunk(
  services: Services,
  job: JobRow,
  cursor: string | null,
  { results, strays: lines }: SortedLines,
): Promise<'more' | 'ended'> {
  let ended = false;
  await changeHeldJob(services, job, async (current, { now, seq, tx }) => {
    const origin = { batchId: job.batchId, jobId: job.id, attempt: job.attempt, seq, at: now };
    const added = await insertResults(workerScope, tx, origin, results);
    const models = tallyByModel(added);
    await addSpend(workerScope, tx, origin, models);
    const strays = await insertStrays(
      workerScope,
      tx,
      { jobId: job.id, batchId: job.batchId, seq, at: now },
      lines,
    );
    // Lines that were read before change nothing that anybody could see, and end no row of failures.
    if (added.length === 0 && strays === 0) return { event: null, set: { cursor } };
    const set = { cursor, failures: 0 };
    ended = !isFinalJob(current.status) && (await countJobResults(workerScope, tx, job)) >= job.requestCount;
    return {
      event: 'RESULTS_ADDED',
      data: { lines: results.counted.length + lines.length, strays },
      set: ended ? { ...set, ...complete(now), ...filesAfter(current, now, { isLost: false }) } : set,
      settled: { tally: addTallies([...models.values()]), from: 'submitted' },
    };
  });
  return ended ? 'ended' : 'more';
}

/** What results come to, by the models of their requests. */
function tallyByModel(results: readonly CountedResult[]): ReadonlyMap<string | null, Tally> {
  const models = Map.groupBy(results, ({ model }) => model);
  return new Map(Array.from(models, ([model, some]) => [model, tallyOf(some)]));
}

/** Every item has its result: whatever the provider still says of the job, there is nothing left to do to it. */
const complete = (now: Date) =>
  ({
    status: 'COMPLETED',
    completedAt: now,
    collected: true,
    resultsWaiting: false,
    leaseUntil: null,
  }) as const;
