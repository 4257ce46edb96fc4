/**
 * The contract that every provider fulfils: what it is (limits, capabilities), how a request is recognised and
 * written for it, how its answers are read, and a client that talks to it. `audit.ts` holds the same contract
 * as runnable checks.
 *
 * Owned here: the shapes. Left to others: when to call (`batches/`), and every vendor's wire (its own folder).
 * A provider is stateless; whatever must survive a crash goes through `saveCheckpoint`.
 */
import type { Clock } from '../clock.ts';
import type { JsonLine, JsonObject } from '../domain/json-line.ts';
import type { JobStatus, ResultStatus } from '../domain/status.ts';
import type { Usage } from '../domain/usage.ts';
import type { Emulator, EmulatorOptions } from './emulation.ts';

/** Everything that BatchQL knows about a kind of provider without talking to it. */
export interface Provider {
  /** The lower-case word used everywhere: `openai`. */
  readonly name: string;
  /** The vendor's product as people call it: `OpenAI Batch API`. */
  readonly title: string;
  readonly limits: ProviderLimits;
  readonly capabilities: ProviderCapabilities;
  /** Paths that a request may name as its endpoint; the first is the default. */
  readonly endpoints: readonly [string, ...string[]];
  /** Completion windows that a caller may ask for; the first is the default. */
  readonly completionWindows: readonly [string, ...string[]];
  /** What one job may not mix: items are grouped by these before they are split. */
  readonly unmixable: ReadonlyArray<'model' | 'endpoint' | 'agentId'>;
  readonly settings: ProviderSettings;
  readonly dialect: Dialect;
  readonly encoding: Encoding;
  readonly decoding: Decoding;
  /** A client for one set of credentials. Opens no connection by itself. */
  connect(connection: Connection, services: ClientServices): ProviderClient;
  /** Starts this provider's emulator on a free loopback port. */
  emulate(options: EmulatorOptions): Promise<Emulator>;
}

/** The numbers a job must keep to. Bytes are those of the encoded job, envelopes included. */
export interface ProviderLimits {
  readonly requestsMin: number;
  readonly requestsMax: number;
  readonly bytesMax: number;
  /** The longest encoded line; null where the provider names none beyond `bytesMax`. */
  readonly lineBytesMax: number | null;
}

/** What a provider can do, so that a frontend need not offer what cannot work. */
export interface ProviderCapabilities {
  readonly cancel: boolean;
  /** Whether counts move while a job runs. */
  readonly liveCounts: boolean;
  /** Whether finished items can be read before the whole job ends. */
  readonly partialResults: boolean;
  /**
   * How a submission whose answer was lost is found again: `EXACT` by a key of ours in the provider's list,
   * `PROVISIONAL` by circumstances and proven by the results, `NONE` not at all.
   */
  readonly recovery: 'EXACT' | 'PROVISIONAL' | 'NONE';
  /** How long after a submission the provider's list may still not show it, in seconds. */
  readonly listDelaySeconds: number;
}

/** Which settings configure a provider. Only `config.ts` reads the environment; this names what it reads. */
export interface ProviderSettings {
  readonly apiKey: string;
  readonly baseUrl: string;
  readonly defaultBaseUrl: string;
}

/** What a client is handed beside its credentials. */
export interface ClientServices {
  readonly clock: Clock;
  /** How long a call may take that reads or creates something small; 60 where left out. */
  readonly callSeconds?: number;
}

/** Where and as whom to call. */
export interface Connection {
  readonly baseUrl: string;
  readonly apiKey: string;
}

/** How requests are recognised and checked before anything is stored. Pure. */
export interface Dialect {
  /** The provider's native line as people know it, for messages: `{custom_id, method, url, body}`. */
  readonly form: string;
  /** The request in a line of this provider's native form; null where the line is of another form. */
  read(line: JsonLine): RequestDraft | null;
  /** What the body says of itself, and all that is wrong with it as far as we can know before submitting. */
  inspect(request: { endpoint: string; body: JsonObject }): Inspection;
}

/** A request as a caller wrote it. */
export interface RequestDraft {
  readonly customId: string | null;
  /** The endpoint that the line itself names; null where it names none. */
  readonly endpoint: string | null;
  /** The verbatim JSON text of the body, an object. */
  readonly body: string;
  /** What is wrong with the line around the body, one sentence each (`method must be POST`); absent: nothing. */
  readonly problems?: readonly string[];
}

/** What `Dialect.inspect` found. */
export interface Inspection {
  readonly model: string | null;
  readonly agentId: string | null;
  /** One sentence each, naming the field from the body on (`body.stream must not be true`). */
  readonly problems: readonly string[];
}

/** How an item is written into a job. Pure; the body goes on as it came. */
export interface Encoding {
  /** What stands before and after the body in the item's line; `line = before + body + after`, no newline. */
  envelope(item: { key: string; endpoint: string }): { before: string; after: string };
  /** What the line adds around all lines together: separators and a frame, in bytes, for a job of `count`. */
  frameBytes(count: number): number;
}

/** How a result line is read. Pure, and never throws. */
export interface Decoding {
  /** What a raw line says; `malformed` where it cannot be read. */
  decode(line: string): DecodedLine;
  /** The text that the model wrote, from a line that succeeded; null where there is none. */
  readText(line: string): string | null;
}

/** A result line, read. */
export type DecodedLine =
  | { readonly kind: 'result'; readonly key: string; readonly outcome: Outcome }
  | { readonly kind: 'malformed'; readonly reason: string };

/** What became of one item, in one shape for all providers. */
export interface Outcome {
  readonly status: ResultStatus;
  /** The provider's word for what went wrong, in snake_case; null for a success. */
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  /** Whether the same request may succeed on another try; null for a success. */
  readonly retryable: boolean | null;
  readonly stopReason: string | null;
  readonly usage: Usage;
}

/** One item of a job, as the client sends it. */
export interface SubmissionItem {
  /** Our key for it: the job's nonce and the position; `[A-Za-z0-9_-]`, at most 64 characters. */
  readonly key: string;
  readonly endpoint: string;
  readonly body: string;
}

/** A job to be submitted, or looked for. */
export interface Submission {
  readonly jobId: string;
  /** Unique to the job for ever; carried wherever the provider can show it again. `[a-z0-9]`, 20 characters. */
  readonly nonce: string;
  readonly endpoint: string;
  readonly model: string | null;
  readonly completionWindow: string;
  readonly requestCount: number;
  /** Exact bytes of the encoded job: all envelopes, bodies and the frame. */
  readonly encodedBytes: number;
  /** What an earlier try of this job saved; null on the first. */
  readonly checkpoint: JsonObject | null;
  /** When we wrote down that we would send it. */
  readonly intentAt: Date;
}

/** What `submit` may use while it runs. */
export interface SubmitPorts {
  /** Streams the job's items in order of position; may be called again. */
  items(): AsyncIterable<SubmissionItem>;
  /** Saves what a later try needs (an uploaded file's id) before the next step; durable when it resolves. */
  saveCheckpoint(checkpoint: JsonObject): Promise<void>;
  /** Aborts when the time to send is over; the call then fails as `uncertain` if bytes had left. */
  readonly signal: AbortSignal;
}

/** One provider batch that may be ours. */
export interface Sighting {
  readonly providerJobId: string;
  /** `EXACT`: it carries our key. `PROVISIONAL`: it fits by time and count; its results will tell. */
  readonly proof: 'EXACT' | 'PROVISIONAL';
  /** What was seen, for the job's evidence: ids, times and counts; never bodies. */
  readonly evidence: JsonObject;
}

/** A provider's job, as its client needs it to ask. */
export interface ProviderJob {
  readonly providerJobId: string;
  readonly requestCount: number;
  readonly checkpoint: JsonObject | null;
  /** When cancelling was asked for; null when it was not. */
  readonly cancelRequestedAt: Date | null;
}

/** What a provider says of a job at one moment. */
export interface JobReport {
  /** The provider's word, mapped; null for a word we do not know (the state then stays as it was). */
  readonly status: Exclude<JobStatus, 'CREATED' | 'UNKNOWN'> | null;
  /** Whether the provider has finished the work and is preparing the results. */
  readonly finalizing: boolean;
  readonly providerStatus: string;
  /** The provider's answer, verbatim JSON text. */
  readonly raw: string;
  readonly counts: JobCounts;
  /** Times as the provider tells them; null where it does not. */
  readonly inProgressAt: Date | null;
  readonly finalizingAt: Date | null;
  readonly endedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly resultsExpireAt: Date | null;
  /** Whether results can be collected now. */
  readonly resultsReady: boolean;
  readonly inputFileId: string | null;
  readonly outputFileId: string | null;
  readonly errorFileId: string | null;
  /** Why the job as a whole failed; null where it did not. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A provider's own counts; null where it tells none (yet). */
export interface JobCounts {
  readonly total: number | null;
  readonly succeeded: number | null;
  readonly errored: number | null;
  readonly expired: number | null;
  readonly cancelled: number | null;
}

/** Some result lines, and where to go on after them. */
export interface ResultChunk {
  /** Raw lines without their newline; never an empty line. At most 1,000 lines, or one line above 4 MB. */
  readonly lines: readonly string[];
  /** Hand this back to `results` to continue after these lines. Only skips; a line read twice is harmless. */
  readonly cursor: string;
}

/** The calls to one provider with one set of credentials. Every method throws `ProviderFailure` and nothing else. */
export interface ProviderClient {
  /** Creates the provider's batch, calling what creates at most once. The answer is what the provider said. */
  submit(submission: Submission, ports: SubmitPorts): Promise<{ providerJobId: string; report: JobReport }>;
  /** Looks for a batch that an earlier `submit` of this job may have made. */
  find(submission: Submission, signal: AbortSignal): Promise<readonly Sighting[]>;
  /** Asks how a job is doing. `rejected` with status 404 where the provider does not know it. */
  retrieve(job: ProviderJob, signal: AbortSignal): Promise<JobReport>;
  /** Asks the provider to stop. Safe to call again; a job that is already over answers its report. */
  cancel(job: ProviderJob, signal: AbortSignal): Promise<JobReport>;
  /** Streams result lines after `cursor` (null: from the start). */
  results(
    job: ProviderJob & { report: JobReport },
    cursor: string | null,
    signal: AbortSignal,
  ): AsyncIterable<ResultChunk>;
}
