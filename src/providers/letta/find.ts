/**
 * How a submission whose answer was lost is looked for: by the callback URL that went along with it, which the vendor
 * shows with each job. The list shows only jobs that run; one that is over can be found only by the id that its own
 * call to that URL has told.
 */

import { understood, unreadable } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type { Sighting, Submission } from '../provider.ts';
import type { Calls } from './calls.ts';
import { readJob, readJobs, type WireJob } from './wire.ts';

/** Every job that carries the submission's callback URL; none, and nothing asked, where it was given none. */
export async function findBatches(
  calls: Calls,
  { callbackUrl = null, hintedJobId = null }: Submission,
  signal: AbortSignal,
): Promise<Sighting[]> {
  if (callbackUrl === null) return [];
  const isOurs = (job: WireJob): boolean => isSameUrl(job.callbackUrl, callbackUrl);
  const hinted = hintedJobId === null ? null : await retrieveHinted(calls, hintedJobId, signal);
  if (hinted !== null && isOurs(hinted)) return [sightingOf(hinted)];
  const sightings = new Map<string, Sighting>();
  for await (const job of runningJobs(calls, signal)) if (isOurs(job)) sightings.set(job.id, sightingOf(job));
  return [...sightings.values()];
}

/** The job that a call has named; null where there is none. Anybody may have called, so that it may be any text. */
const retrieveHinted = async (calls: Calls, id: string, signal: AbortSignal): Promise<WireJob | null> => {
  if (!/^[\w-]+$/.test(id)) return null;
  try {
    return understood(readJob, await calls.retrieve(id, signal));
  } catch (failure) {
    if (failure instanceof ProviderFailure && failure.kind === 'rejected') return null;
    throw failure;
  }
};

/**
 * The whole list, oldest first: that is the one order in which "after" means the same by the vendor's description and
 * by the vendor's code. It ends at an empty page.
 */
async function* runningJobs(calls: Calls, signal: AbortSignal): AsyncGenerator<WireJob> {
  const seen = new Set<string>();
  let after: string | null = null;
  for (;;) {
    const page: WireJob[] = understood(readJobs, await calls.list(after, signal));
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    // Pages that lead nowhere, or back, would be read for ever.
    if (seen.has(last.id)) throw unreadable();
    seen.add(last.id);
    after = last.id;
  }
}

/** The vendor shows a URL as a parser writes it: lower-case host, no default port. */
const isSameUrl = (shown: string | null, own: string): boolean => {
  if (shown === null || shown === own) return shown === own;
  const parsed = URL.parse(shown);
  return parsed !== null && parsed.href === URL.parse(own)?.href;
};

const sightingOf = ({ id, status, createdAt }: WireJob): Sighting => ({
  providerJobId: id,
  proof: 'EXACT',
  evidence: { providerJobId: id, providerStatus: status, createdAt: createdAt?.toISOString() ?? null },
});
