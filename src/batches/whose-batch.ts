/**
 * Whose a provider's batch is of which that is not certain: its results name the requests that it was made of, and
 * often nothing else of it can tell. Takes nothing of the results; copying them is `collect-job.ts`.
 */
import { isFinalJob } from '../domain/status.ts';
import type { JobReport, Provider, ProviderClient, ProviderJob } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import type { ReadLine } from './item-of-line.ts';
import { unlessStalled } from './unless-stalled.ts';

/** The job's own, somebody else's, not to be told yet, or not to be told from results that cannot be read. */
export type Owner = 'ours' | 'anothers' | 'not-yet-known' | 'unreadable';

/**
 * Whose the batch is, by the first of its results that can be read: ours where `isOurs` says so of any of them. Throws
 * `ProviderFailure`.
 */
export async function whoseBatch(
  { settings }: Pick<Services, 'settings'>,
  { provider, client }: { provider: Provider; client: ProviderClient },
  batch: ProviderJob & { readonly report: JobReport },
  isOurs: (lines: readonly ReadLine[]) => Promise<boolean>,
  signal: AbortSignal,
): Promise<Owner> {
  if (!batch.report.resultsReady) return 'not-yet-known';
  const results = unlessStalled(
    (within) => client.results(batch, null, within),
    settings.callSeconds,
    signal,
  );
  for await (const { lines } of results) {
    const all = lines.map((line) => ({ line, read: provider.decoding.decode(line) }));
    const read = all.filter((entry) => entry.read.kind === 'result');
    if (read.length === 0) continue;
    return (await isOurs(read)) ? 'ours' : 'anothers';
  }
  return 'unreadable';
}

/** The report of a batch that nothing has proven yet: its end is not taken for the job's before it is. */
export const notYetOver = (report: JobReport): JobReport =>
  report.status !== null && isFinalJob(report.status) ? { ...report, status: 'RUNNING' } : report;
