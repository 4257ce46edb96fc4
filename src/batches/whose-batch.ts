/**
 * Whose a batch is that merely fits a job whose answer was lost: its results carry the keys of the items that it
 * was made of, and nothing else of it can tell. Takes nothing of the results; copying them is `collect-job.ts`.
 */
import type { JobRow } from '../db/tables/jobs.ts';
import { positionOfKey } from '../domain/ids.ts';
import { isFinalJob } from '../domain/status.ts';
import type { JobReport, Provider, ProviderClient } from '../providers/provider.ts';
import { providerJobOf } from './job-report.ts';
import { unlessStalled } from './unless-stalled.ts';

/** The job's own, somebody else's, not to be told yet, or not to be told from results that cannot be read. */
export type Owner = 'ours' | 'anothers' | 'not-yet-known' | 'unreadable';

/** Whose the batch is that the job names, by the first of its results that can be read. Throws `ProviderFailure`. */
export async function whoseBatch(
  { provider, client }: { provider: Provider; client: ProviderClient },
  job: JobRow,
  report: JobReport,
  { seconds, signal }: { seconds: number; signal: AbortSignal },
): Promise<Owner> {
  if (!report.resultsReady) return 'not-yet-known';
  const results = unlessStalled(
    (within) => client.results({ ...providerJobOf(job), report }, null, within),
    seconds,
    signal,
  );
  for await (const { lines } of results) {
    const read = lines.map((line) => provider.decoding.decode(line)).filter((line) => line.kind === 'result');
    if (read.length === 0) continue;
    return read.some(({ key }) => positionOfKey(job.nonce, key) !== null) ? 'ours' : 'anothers';
  }
  return 'unreadable';
}

/** The report of a batch that nothing has proven yet: its end is not taken for the job's before it is. */
export const notYetOver = (report: JobReport): JobReport =>
  report.status !== null && isFinalJob(report.status) ? { ...report, status: 'RUNNING' } : report;
