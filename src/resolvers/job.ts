/** What a job answers when it is asked for its fields. */
import type { Context } from '../context.ts';
import type { BatchRow } from '../db/tables/batches.ts';
import type { JobRow } from '../db/tables/jobs.ts';
import type { JobWait } from '../domain/job-wait.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json-line.ts';
import type { PersonReason } from '../domain/recovery.ts';
import { personReasonOf } from '../domain/resolution.ts';
import { isFinalJob } from '../domain/status.ts';

/** A job, as the schema's type is backed. */
export type JobModel = JobRow;

/** The batch that the job belongs to. */
export async function jobBatch(job: JobRow, { loaders }: Context): Promise<BatchRow> {
  const batch = await loaders.batch.load(job.batchId);
  if (batch === null) throw new Error('a job always has its batch');
  return batch;
}

/** The provider's last answer, parsed; null before the first. */
export function jobRaw(job: JobRow): JsonValue {
  if (job.raw === null) return null;
  try {
    return JSON.parse(job.raw) as JsonValue;
  } catch {
    return job.raw;
  }
}

/** Why nobody but a person can settle the job; null where none is needed. */
export const jobNeedsPerson = (job: JobRow): PersonReason | null => personReasonOf(job);

/**
 * What is known where the job's fate was in doubt. Of batches that fitted and proved to be another's only how many: all
 * organizations share the provider's account, so they may be another organization's.
 */
export function jobEvidence({ evidence }: JobRow): JsonObject | null {
  const others = evidence?.['notOurs'];
  if (evidence === null || !Array.isArray(others)) return evidence;
  const { sightings, ...rest } = evidence;
  const isAnothers = (sighting: JsonValue) =>
    isJsonObject(sighting) && Object.values(sighting).some((value) => others.includes(value));
  const left = Array.isArray(sightings) ? { sightings: sightings.filter((one) => !isAnothers(one)) } : {};
  return { ...rest, ...left, notOurs: others.length };
}

/** Why the job failed, or what went wrong with the last call about it. */
export const jobError = (job: JobRow): { code: string; message: string } | null =>
  job.errorCode === null ? null : { code: job.errorCode, message: job.errorMessage ?? job.errorCode };

/** When the provider is asked next; null where nothing is left to ask. */
export const jobNextSyncAt = (job: JobRow): Date | null =>
  job.providerJobId === null || isFinalJob(job.status) ? null : job.dueAt;

/** Until when a job that nobody has sent waits; null for any other. */
export const jobNotBefore = (job: JobRow): Date | null => (job.status === 'CREATED' ? job.dueAt : null);

/** What a job that could be sent waits for; null for any other. */
export const jobWaitingFor = (job: JobRow): JobWait | null =>
  job.status === 'CREATED' ? job.waitingFor : null;

/** The provider's call to us about the job; null where it was not told to make one. */
export const jobCallback = (job: JobRow): JobCallback | null => {
  const url = job.toldCallbackUrl ?? job.callbackUrl;
  if (url === null) return null;
  const { callbackSentAt: sentAt, callbackStatusCode: statusCode, callbackError: error } = job;
  return { url, sentAt, statusCode, error };
};

/** A provider's call to us, as it tells of it. */
export interface JobCallback {
  readonly url: string;
  readonly sentAt: Date | null;
  readonly statusCode: number | null;
  readonly error: string | null;
}

/** How many lines of the job's results belonged to none of its items. */
export async function jobStrayCount(job: JobRow, { loaders }: Context): Promise<number> {
  return loaders.strayCount.load(job.id);
}
