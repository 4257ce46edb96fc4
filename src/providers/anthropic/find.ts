/**
 * How a submission whose answer was lost is looked for. The vendor shows no key of ours anywhere but in the
 * results, so all that can be compared here is the time and the number of requests; the proof comes later.
 */
import { ProviderFailure } from '../failure.ts';
import type { Sighting, Submission } from '../provider.ts';
import type { AnthropicCalls } from './calls.ts';
import { type MessageBatch, readMessageBatchPage, requestTotal } from './wire.ts';

/** Every batch with as many requests that was created after we meant to send, the vendor's clock being what it is. */
export async function findBatches(
  calls: AnthropicCalls,
  submission: Pick<Submission, 'requestCount' | 'intentAt'>,
  signal: AbortSignal,
): Promise<Sighting[]> {
  const since = submission.intentAt.getTime() - clockSkewMilliseconds;
  const sightings: Sighting[] = [];
  for await (const batch of newestFirst(calls, signal)) {
    if (batch.createdAt === null || batch.requestCounts === null) throw unreadable();
    if (batch.createdAt.getTime() < since) break;
    if (requestTotal(batch.requestCounts) === submission.requestCount) sightings.push(sightingOf(batch));
  }
  return sightings;
}

/** How far the vendor's clock may be behind ours. */
const clockSkewMilliseconds = 5 * 60 * 1000;

async function* newestFirst(calls: AnthropicCalls, signal: AbortSignal): AsyncGenerator<MessageBatch> {
  let afterId: string | null = null;
  do {
    const page = readMessageBatchPage(await calls.list(afterId, signal));
    if (page === null) throw unreadable();
    yield* page.batches;
    // A page that leads nowhere would otherwise be read for ever, or hide what stands behind it.
    if (page.hasMore && (page.lastId === null || page.lastId === afterId)) throw unreadable();
    afterId = page.hasMore ? page.lastId : null;
  } while (afterId !== null);
}

const sightingOf = ({ id, createdAt, requestCounts }: MessageBatch): Sighting => ({
  providerJobId: id,
  proof: 'PROVISIONAL',
  evidence: {
    id,
    created_at: createdAt?.toISOString() ?? null,
    request_counts: requestCounts === null ? null : { ...requestCounts },
  },
});

const unreadable = (): ProviderFailure =>
  new ProviderFailure('malformed', {
    code: 'unreadable_list',
    message: 'The provider answered something that is no list of batches.',
  });
