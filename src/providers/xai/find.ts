/**
 * How a submission whose answer was lost is looked for: by the name of its batch, in the whole list, whose order
 * nobody has promised and whose times may be mere dates. A batch that its checkpoint names is asked for directly.
 */
import type { JsonObject } from '../../domain/json-line.ts';
import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type { Sighting, Submission } from '../provider.ts';
import type { Calls } from './calls.ts';
import { pagesOf } from './listing.ts';
import { batchIn, isStopped, nameOf } from './submit.ts';
import { readBatch, readBatchPage, type WireBatch } from './wire.ts';

/** Every batch with the submission's name, and the one that its checkpoint names. */
export async function findBatches(
  calls: Calls,
  submission: Submission,
  signal: AbortSignal,
): Promise<Sighting[]> {
  const found = new Map<string, WireBatch>();
  const saved = batchIn(submission.checkpoint);
  const known = saved === null ? null : await orNone(calls.retrieve(saved, signal));
  if (known !== null) {
    const batch = understood(readBatch, known);
    found.set(batch.batch_id, batch);
  }
  for await (const { entries } of pagesOf((token) => calls.list(token, signal), readBatchPage)) {
    for (const listed of entries) {
      if (listed.name !== nameOf(submission) || found.has(listed.batch_id)) continue;
      // A list may leave out the counts, and without them a batch that is whole cannot be told from one that is not.
      const batch =
        listed.state === null ? understood(readBatch, await calls.retrieve(listed.batch_id, signal)) : listed;
      found.set(batch.batch_id, batch);
    }
  }
  return [...found.values()].map((batch) => sightingOf(batch, submission));
}

const sightingOf = (batch: WireBatch, { requestCount }: Submission): Sighting => {
  const evidence: JsonObject = {
    batch_id: batch.batch_id,
    name: batch.name,
    create_time: batch.create_time,
    num_requests: batch.state?.num_requests ?? null,
  };
  // One that does not tell how much it holds is listed before anything is added to it, and then told whole.
  const isWhole = (batch.state?.num_requests ?? 0) >= requestCount;
  const unfinished = isWhole || isStopped(batch) ? {} : { unfinished: { batch_id: batch.batch_id } };
  return { providerJobId: batch.batch_id, proof: 'EXACT', evidence, ...unfinished };
};

/** The answer; null where the vendor does not know what was asked for. */
const orNone = async (asking: Promise<string>): Promise<string | null> => {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof ProviderFailure && error.kind === 'rejected' && error.status === 404) return null;
    throw error;
  }
};
