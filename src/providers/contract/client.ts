/** The calls to a provider, and what they are given. When to call is left to `batches/`. */
import type { JsonObject } from '../../domain/json-line.ts';
import type { JobReport, KeptJob, ProviderJob } from './job-report.ts';
import type { ResultChunk } from './results.ts';

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
  /** Where the provider can call us about this job; null without `PUBLIC_URL` or a webhook for each job. */
  readonly callbackUrl?: string | null;
  /** An id that a call to that URL has told; a hint to be verified, null where none came. */
  readonly hintedJobId?: string | null;
}

/** What `submit` may use while it runs. */
export interface SubmitPorts {
  /** Streams the job's items in order of position; may be called again. */
  items(): AsyncIterable<SubmissionItem>;
  /** Saves what a later try needs (an uploaded file's id) before the next step; durable when it resolves. */
  saveCheckpoint(checkpoint: JsonObject): Promise<void>;
  /** Aborts when the time to send is over; the call then fails as `uncertain` if bytes had left. */
  readonly signal: AbortSignal;
  /**
   * Throws `unavailable` where nothing may be created any more: the time to send is over, or another may be sending.
   * Asked, without anything to wait for in between, right before a call that creates leaves, and before the last byte
   * of a body that is streamed: a timer may come late to a process that was stopped, this does not.
   */
  guard(): void;
}

/** One provider batch that may be ours. */
export interface Sighting {
  readonly providerJobId: string;
  /** `EXACT`: it carries our key. `PROVISIONAL`: it fits by time and count; its results will tell. */
  readonly proof: 'EXACT' | 'PROVISIONAL';
  /** What was seen, for the job's evidence: ids, times and counts; never bodies. */
  readonly evidence: JsonObject;
  /** Present where items are missing from it: the checkpoint from which `submit` completes it. */
  readonly unfinished?: JsonObject;
}

/** The calls to one provider with one set of credentials. Every method throws `ProviderFailure` and nothing else. */
export interface ProviderClient {
  /** Creates the provider's batch, calling what creates at most once, and only past `guard`. The answer is what the provider said. */
  submit(submission: Submission, ports: SubmitPorts): Promise<{ providerJobId: string; report: JobReport }>;
  /** Looks for a batch that an earlier `submit` of this job may have made. */
  find(submission: Submission, signal: AbortSignal): Promise<readonly Sighting[]>;
  /** Asks how a job is doing. `rejected` with status 404 where the provider does not know it. */
  retrieve(job: ProviderJob, signal: AbortSignal): Promise<JobReport>;
  /** Asks the provider to stop. Safe to call again; a job that is already over answers its report. */
  cancel(job: ProviderJob, signal: AbortSignal): Promise<JobReport>;
  /**
   * Streams result lines after `cursor` (null: from the start). While the job still runs (`partialResults`), only
   * lines of items that are over for good, and each at least once until the job ends.
   */
  results(
    job: ProviderJob & { report: JobReport },
    cursor: string | null,
    signal: AbortSignal,
  ): AsyncIterable<ResultChunk>;
  /**
   * Has the provider delete what it keeps of a job that is over: its requests and its results. Safe to call again; what
   * is not there is deleted. Null where the provider deletes nothing at anybody's asking (`deletion`).
   */
  readonly deleteFiles: ((job: KeptJob, signal: AbortSignal) => Promise<void>) | null;
}
