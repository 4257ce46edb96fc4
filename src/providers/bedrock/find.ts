/**
 * How a submission whose answer was lost is looked for: our token and our name stand in the vendor's list. The list
 * is asked for names with our nonce in them, and what it shows is compared by ourselves.
 */

import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type { Sighting, Submission } from '../provider.ts';
import type { Calls } from './calls.ts';
import { readJobPage, type WireJob } from './wire.ts';

/** The name of a job, for people as much as for us. */
export const jobNameOf = (nonce: string): string => `batchql-${nonce}`;

/**
 * Every job that carries this submission's token or name; there is one at the most. When it was made does not matter:
 * a token that is sent again answers with the job of an earlier try.
 */
export async function findJobs(
  calls: Calls,
  { nonce }: Pick<Submission, 'nonce'>,
  signal: AbortSignal,
): Promise<Sighting[]> {
  const query = { nameContains: nonce, maxResults: pageSize };
  const sightings = new Map<string, Sighting>();
  const seen = new Set<string>();
  let page: string | null = null;
  do {
    const answer = await calls.list({ ...query, ...(page !== null && { nextToken: page }) }, signal);
    const { invocationJobSummaries: jobs, nextToken } = understood(readJobPage, answer);
    for (const job of jobs) {
      const isOurs = job.clientRequestToken === nonce || job.jobName === jobNameOf(nonce);
      if (isOurs) sightings.set(job.jobArn, sightingOf(job));
    }
    // Pages that lead back would be read for ever.
    if (nextToken !== null && seen.has(nextToken)) throw endless();
    if (nextToken !== null) seen.add(nextToken);
    page = nextToken;
  } while (page !== null);
  return [...sightings.values()];
}

/** Well below the 1,000 that the vendor allows. */
const pageSize = 100;

const sightingOf = (job: WireJob): Sighting => ({
  providerJobId: job.jobArn,
  proof: 'EXACT',
  evidence: {
    jobArn: job.jobArn,
    jobName: job.jobName,
    clientRequestToken: job.clientRequestToken,
    status: job.status,
    submitTime: job.submitTime?.toISOString() ?? null,
    input: job.inputDataConfig,
    totalRecordCount: job.totalRecordCount,
  },
});

const endless = (): ProviderFailure =>
  new ProviderFailure('malformed', {
    code: 'endless_list',
    message: 'The provider answered a page of jobs that leads back to one that was read.',
  });
