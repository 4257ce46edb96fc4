/**
 * The bench that a check works at: one provider, its emulator, a client between them and a clock that is turned
 * by hand. Owned here: drafting jobs, and following them through the calls of the contract. What has to come out
 * is left to the checks.
 */
import { createHandClock, type HandClock } from '../../clock.ts';
import type { JsonObject } from '../../domain/json-line.ts';
import { isFinalJob } from '../../domain/status.ts';
import type { Emulator, FaultEffect } from '../emulation.ts';
import type {
  JobReport,
  Provider,
  ProviderClient,
  ProviderJob,
  ResultChunk,
  Submission,
  SubmissionItem,
} from '../provider.ts';
import { demand } from './demands.ts';

/** What a check works with; every check gets a fresh one. */
export interface Bench {
  readonly provider: Provider;
  readonly emulator: Emulator;
  readonly client: ProviderClient;
  readonly clock: HandClock;
  /** The emulator's name for the call that makes a batch, and for one that reads results. */
  readonly operations: Operations;
  /** A job that nobody has sent yet; its intent is now. */
  draft(bodies: readonly string[]): Draft;
  /** Sends a draft, by the bench's client or another. */
  submit(draft: Draft, options?: { client?: ProviderClient; signal?: AbortSignal }): Promise<BenchJob>;
  /** Reports on the job, the clock turned a little between two, up to and including the final one. */
  follow(job: ProviderJob): AsyncGenerator<JobReport>;
  /** The final report. */
  finish(job: ProviderJob): Promise<JobReport>;
  /** All chunks of results after `cursor`. */
  collect(job: ProviderJob, report: JobReport, cursor?: string | null): Promise<ResultChunk[]>;
  /** Makes the next calls of an operation misbehave. */
  fault(operation: string, effect: FaultEffect, times?: number): void;
  /** How often an operation was called. */
  callsOf(operation: string): number;
}

/** Names of an emulator's calls that checks speak of. */
export interface Operations {
  readonly create: string;
  readonly results: string;
}

/** A job before it is sent. The checkpoint is whatever the last try saved. */
export interface Draft {
  readonly items: readonly SubmissionItem[];
  readonly intentAt: Date;
  checkpoint: JsonObject | null;
  submission(changes?: Partial<Submission>): Submission;
}

/** A job that was sent. */
export type BenchJob = ProviderJob & { readonly report: JobReport };

/** A signal that never comes. */
export const noSignal: AbortSignal = new AbortController().signal;

/** Works at a bench, and takes it down afterwards. */
export async function withBench<T>(
  provider: Provider,
  operations: Operations,
  work: (bench: Bench) => Promise<T>,
): Promise<T> {
  const clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  const emulator = await provider.emulate({ clock, pace });
  try {
    return await work(setUp(provider, emulator, clock, operations));
  } finally {
    await emulator.close();
  }
}

/** Finds out what a provider's emulator calls its calls, by making each once. */
export function findOperations(provider: Provider): Promise<Operations> {
  return withBench(provider, { create: '', results: '' }, async (bench) => {
    const job = await bench.submit(bench.draft(sampleBodies(provider.limits.requestsMin + 1)));
    const create = bench.emulator.calls.at(-1)?.operation ?? '';
    const report = await bench.finish(job);
    await bench.collect(job, report);
    return { create, results: bench.emulator.calls.at(-1)?.operation ?? '' };
  });
}

/** A body that every endpoint checked here accepts, with `text` as its prompt. */
export const sampleBody = (text: string): string =>
  `{"model":"audit-1","max_tokens":64,"messages":[{"role":"user","content":${JSON.stringify(text)}}]}`;

/** So many bodies, all different, with characters of one to four bytes. */
export const sampleBodies = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => sampleBody(`Item ${index}: e é € 🙂`));

/** Long enough that a step of the clock falls into every phase. */
const pace = { validatingSeconds: 60, runningSeconds: 240, finalizingSeconds: 60, cancellingSeconds: 60 };
const stepSeconds = 45;
/** Some way beyond the longest that any job can take at this pace. */
const stepsMax = 50;

const setUp = (provider: Provider, emulator: Emulator, clock: HandClock, operations: Operations): Bench => {
  const client = provider.connect(emulator, { clock });
  let drafted = 0;

  const bench: Bench = {
    provider,
    emulator,
    client,
    clock,
    operations,
    draft(bodies) {
      drafted += 1;
      return draftJob(provider, bodies, `audit${String(drafted).padStart(15, '0')}`, clock.now());
    },
    async submit(draft, { client: other = client, signal = noSignal } = {}) {
      const submission = draft.submission();
      const { providerJobId, report } = await other.submit(submission, {
        items: () => iterate(draft.items),
        saveCheckpoint: async (checkpoint) => {
          draft.checkpoint = checkpoint;
        },
        signal,
      });
      const { requestCount } = submission;
      return { providerJobId, requestCount, checkpoint: draft.checkpoint, cancelRequestedAt: null, report };
    },
    async *follow(job) {
      for (let step = 0; step < stepsMax; step += 1) {
        const report = await client.retrieve(job, noSignal);
        yield report;
        if (report.status !== null && isFinalJob(report.status)) return;
        clock.advance({ seconds: stepSeconds });
      }
      demand(false, 'the job never came to a final status');
    },
    async finish(job) {
      let last: JobReport | null = null;
      for await (const report of bench.follow(job)) last = report;
      demand(last !== null, 'the job was never reported on');
      return last;
    },
    async collect(job, report, cursor = null) {
      const chunks: ResultChunk[] = [];
      for await (const chunk of client.results({ ...job, report }, cursor, noSignal)) chunks.push(chunk);
      return chunks;
    },
    fault(operation, effect, times = 1) {
      emulator.faults.add({ operation, effect, times });
    },
    callsOf: (operation) => emulator.calls.filter((call) => call.operation === operation).length,
  };
  return bench;
};

const draftJob = (provider: Provider, bodies: readonly string[], nonce: string, intentAt: Date): Draft => {
  const [endpoint] = provider.endpoints;
  const items = bodies.map((body, position) => ({ key: `${nonce}-${position}`, endpoint, body }));
  const lineBytes = items.map((item) => Buffer.byteLength(lineOf(provider, item)));
  const encodedBytes = lineBytes.reduce(
    (sum, bytes) => sum + bytes,
    provider.encoding.frameBytes(items.length),
  );
  const draft: Draft = {
    items,
    intentAt,
    checkpoint: null,
    submission: (changes) => ({
      jobId: `job-${nonce}`,
      nonce,
      endpoint,
      model: 'audit-1',
      completionWindow: provider.completionWindows[0],
      requestCount: items.length,
      encodedBytes,
      checkpoint: draft.checkpoint,
      intentAt,
      ...changes,
    }),
  };
  return draft;
};

/** The line of an item, as the contract says that it is made. */
export const lineOf = ({ encoding }: Provider, item: SubmissionItem): string => {
  const { before, after } = encoding.envelope(item);
  return before + item.body + after;
};

async function* iterate(items: readonly SubmissionItem[]): AsyncGenerator<SubmissionItem> {
  yield* items;
}
