/**
 * An upload: a file of requests that comes through a URL of its own. Owns the words for its states, how long a URL
 * lives, and which of its first problems are kept. How lines are found is `line-splitting.ts`.
 */
import type { Issue } from '../errors.ts';

/** Where an upload can be. */
export const uploadStatuses = ['WAITING', 'RECEIVING', 'COMPLETED', 'FAILED'] as const;
/**
 * Where an upload is: `WAITING` for its file; `RECEIVING` it; `COMPLETED`, and its requests are in the batch; or
 * `FAILED`, and nothing of it is anywhere. A failed one can be sent again while its URL lives.
 */
export type UploadStatus = (typeof uploadStatuses)[number];

/** Why an upload can fail. */
export const uploadFailures = [
  'ABORTED',
  'STALLED',
  'BAD_GZIP',
  'INVALID',
  'QUOTA_EXCEEDED',
  'BATCH_CLOSED',
  'KEY_REVOKED',
  'LOST',
] as const;
/** Why an upload failed. */
export type UploadFailure = (typeof uploadFailures)[number];

/** How many of the things that are wrong with a file are told one by one; all are counted. */
export const uploadIssuesMax = 20;

/** What is wrong with a file, found in any order. */
export interface UploadIssues {
  /** The first by line, at most `uploadIssuesMax`. */
  readonly first: readonly Issue[];
  readonly count: number;
}

/** A file without a fault so far. */
export const noIssues: UploadIssues = { first: [], count: 0 };

/** With some more, which may stand on earlier lines. */
export function withIssues({ first, count }: UploadIssues, more: readonly Issue[]): UploadIssues {
  if (more.length === 0) return { first, count };
  const sorted = [...first, ...more].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return { first: sorted.slice(0, uploadIssuesMax), count: count + more.length };
}
