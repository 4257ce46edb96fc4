/**
 * The bench that a check works at: one provider, its emulator, a client between them and a clock that is turned
 * by hand. Owned here: drafting jobs, and following them through the calls of the contract. What has to come out
 * is left to the checks.
 */
import { createHandClock, type HandClock } from '../../clock.ts';
import type { JsonObject } from '../../domain/json-line.ts';
import { isFinalJob } from '../../domain/status.ts';
import type { Emulator, EmulatorOperations, FaultEffect, FaultRule } from '../emulation.ts';
import type {
  Connection,
  JobReport,
  Provider,
  ProviderClient,
  ProviderJob,
  ResultChunk,
  Submission,
  SubmissionItem,
  SubmitPorts,
} from '../provider.ts';
import { demand } from './demands.ts';

/** What a check works with; every check gets a fresh one. */
export interface Bench {
  readonly provider: Provider;
  readonly emulator: Emulator;
  readonly client: ProviderClient;
  readonly clock: HandClock;
  /** The emulator's names for the calls that make a batch, add to it, and read results. */
  readonly operations: EmulatorOperations;
  /** The connection to the emulator by way of another origin, such as a tap's. */
  via(baseUrl: string): Connection;
  /** So many bodies that this provider takes, all different, with characters of one to four bytes. */
  bodies(count: number): string[];
  /**
   * As few bodies as a job may have, and `more` beside them; the first ask these prompts. Where a job may have one
   * request, `few(2)` are three.
   */
  few(more?: number, prompts?: readonly string[]): string[];
  /** A job that nobody has sent yet; its intent is now. */
  draft(bodies: readonly string[]): Draft;
  /** Sends a draft, by the bench's client or another. */
  submit(draft: Draft, options?: SubmitOptions): Promise<BenchJob>;
  /** Reports on the job, the clock turned a little between two, up to and including the final one. */
  follow(job: ProviderJob): AsyncGenerator<JobReport>;
  /** The final report. */
  finish(job: ProviderJob): Promise<JobReport>;
  /** All chunks of results after `cursor`. */
  collect(job: ProviderJob, report: JobReport, cursor?: string | null): Promise<ResultChunk[]>;
  /** Makes the next calls of an operation misbehave. */
  fault(operation: string, effect: FaultEffect, times?: number, more?: Pick<FaultRule, 'after'>): void;
  /** How often an operation was called. */
  callsOf(operation: string): number;
}

/** How a draft is sent, where it is not as usual. */
export interface SubmitOptions {
  readonly client?: ProviderClient;
  readonly signal?: AbortSignal;
  readonly guard?: SubmitPorts['guard'];
  readonly changes?: Partial<Submission>;
}

/** A job before it is sent. The checkpoint is whatever the last try saved. */
export interface Draft {
  readonly items: readonly SubmissionItem[];
  /** What the provider's results will name the items by, in the same order. */
  readonly names: readonly string[];
  readonly intentAt: Date;
  checkpoint: JsonObject | null;
  submission(changes?: Partial<Submission>): Submission;
}

/** A job that was sent. */
export type BenchJob = ProviderJob & { readonly report: JobReport };

/** A signal that never comes. */
export const noSignal: AbortSignal = new AbortController().signal;

/** A guard that lets everything pass. */
export const noGuard: SubmitPorts['guard'] = () => {};

/** Works at a bench, and takes it down afterwards. */
export async function withBench<T>(provider: Provider, work: (bench: Bench) => Promise<T>): Promise<T> {
  const clock = createHandClock(new Date('2026-11-22T10:00:00Z'));
  const emulator = await provider.emulate({ clock, pace });
  try {
    return await work(setUp(provider, emulator, clock));
  } finally {
    await emulator.close();
  }
}

/** A body of the provider's with `prompt` in it, as the item at `index`. */
export const bodyFor = ({ example }: Provider, prompt: string, index: number): string =>
  JSON.stringify(example.body({ prompt, index, model: example.model }));

const promptAt = (index: number): string => `Item ${index}: e é € 🙂`;

/** Long enough that a step of the clock falls into every phase. */
const pace = { validatingSeconds: 60, runningSeconds: 240, finalizingSeconds: 60, cancellingSeconds: 60 };
const stepSeconds = 45;
/** Some way beyond the longest that any job can take at this pace. */
const stepsMax = 50;

const setUp = (provider: Provider, emulator: Emulator, clock: HandClock): Bench => {
  const client = provider.connect(emulator, { clock });
  let drafted = 0;

  const bench: Bench = {
    provider,
    emulator,
    client,
    clock,
    operations: emulator.operations,
    via: (baseUrl) => moved(emulator, baseUrl),
    bodies: (count) => Array.from({ length: count }, (_, index) => bodyFor(provider, promptAt(index), index)),
    few(more = 0, prompts = []) {
      const length = Math.max(provider.limits.requestsMin + more, prompts.length);
      return Array.from({ length }, (_, index) =>
        bodyFor(provider, prompts[index] ?? promptAt(index), index),
      );
    },
    draft(bodies) {
      drafted += 1;
      return draftJob(provider, bodies, `audit${String(drafted).padStart(15, '0')}`, clock.now());
    },
    async submit(draft, { client: other = client, signal = noSignal, guard = noGuard, changes = {} } = {}) {
      const submission = draft.submission(changes);
      const { providerJobId, report } = await other.submit(submission, {
        items: () => iterate(draft.items),
        saveCheckpoint: async (checkpoint) => {
          draft.checkpoint = checkpoint;
        },
        signal,
        guard,
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
    fault(operation, effect, times = 1, more = {}) {
      emulator.faults.add({ operation, effect, times, ...more });
    },
    callsOf: (operation) => emulator.calls.filter((call) => call.operation === operation).length,
  };
  return bench;
};

/** A job of these bodies that nobody has sent yet. */
export const draftJob = (
  provider: Provider,
  bodies: readonly string[],
  nonce: string,
  intentAt: Date,
): Draft => {
  const [endpoint] = provider.endpoints;
  const items = bodies.map((body, position) => ({ key: `${nonce}-${position}`, endpoint, body }));
  const lineBytes = items.map((item) => Buffer.byteLength(lineOf(provider, item)));
  const encodedBytes = lineBytes.reduce(
    (sum, bytes) => sum + bytes,
    provider.encoding.frameBytes(items.length),
  );
  const draft: Draft = {
    items,
    names: items.map((item) => nameOf(provider, item)),
    intentAt,
    checkpoint: null,
    submission: (changes) => ({
      jobId: `job-${nonce}`,
      nonce,
      endpoint,
      model: provider.example.model,
      completionWindow: provider.completionWindows[0],
      requestCount: items.length,
      encodedBytes,
      checkpoint: draft.checkpoint,
      intentAt,
      callbackUrl: `https://batchql.example/callbacks/${provider.name}/${nonce}`,
      ...changes,
    }),
  };
  return draft;
};

const nameOf = ({ itemsNamedBy, dialect }: Provider, { key, endpoint, body }: SubmissionItem): string =>
  itemsNamedBy === 'KEY' ? key : (dialect.inspect({ endpoint, body: JSON.parse(body) }).agentId ?? '');

/** The line of an item, as the contract says that it is made. */
export const lineOf = ({ encoding }: Provider, item: SubmissionItem): string => {
  const { before, after } = encoding.envelope(item);
  return before + item.body + after;
};

/** A connection whose every URL of the emulator's has another origin. */
const moved = ({ baseUrl, apiKey, more }: Connection, to: string): Connection => {
  const [own, other] = [new URL(baseUrl).origin, new URL(to).origin];
  const settings = Object.entries(more ?? {}).map(([name, value]) => [name, value.replace(own, other)]);
  return { baseUrl: baseUrl.replace(own, other), apiKey, more: Object.fromEntries(settings) };
};

async function* iterate(items: readonly SubmissionItem[]): AsyncGenerator<SubmissionItem> {
  yield* items;
}
