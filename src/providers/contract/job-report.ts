/** A job as its provider is asked about it, and what it answers. */
import type { JsonObject } from '../../domain/json-line.ts';
import type { JobStatus } from '../../domain/status.ts';

/** A provider's job, as its client needs it to ask. */
export interface ProviderJob {
  readonly providerJobId: string;
  readonly requestCount: number;
  readonly checkpoint: JsonObject | null;
  /** Since when the provider has been cancelling it at our asking; null where it was not asked, or has not said so. */
  readonly cancelRequestedAt: Date | null;
}

/** What is known of where a provider keeps a job's requests and results. */
export interface KeptJob {
  /** Null where the job never came to be, and its file may be there all the same. */
  readonly providerJobId: string | null;
  readonly checkpoint: JsonObject | null;
  readonly inputFileId: string | null;
  readonly outputFileId: string | null;
  readonly errorFileId: string | null;
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
  readonly error: JobFailure | null;
  /** What only some providers tell; absent: not told. */
  readonly run?: JobRun;
  /** What the provider tells of its own call to us; absent: not told. */
  readonly callback?: ProviderCallback;
}

/** Why a job failed as a whole. */
export interface JobFailure {
  readonly code: string;
  readonly message: string;
  /** Whether the same requests may succeed in another job; absent: not. */
  readonly retryable?: boolean;
}

/** How a job ran, from providers whose jobs are runs. */
export interface JobRun {
  /** The vendor's word for what kind of job it is. */
  readonly type: string | null;
  readonly background: boolean | null;
  readonly stopReason: string | null;
  readonly totalDurationNs: bigint | null;
  /** Time to the first token. */
  readonly ttftNs: bigint | null;
}

/** A provider's call to our callback URL, as it tells of it. */
export interface ProviderCallback {
  readonly url: string | null;
  readonly sentAt: Date | null;
  readonly statusCode: number | null;
  readonly error: string | null;
}

/** A provider's own counts; null where it tells none (yet). */
export interface JobCounts {
  readonly total: number | null;
  readonly succeeded: number | null;
  readonly errored: number | null;
  readonly expired: number | null;
  readonly cancelled: number | null;
}
