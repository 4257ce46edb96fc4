/**
 * How a submission whose answer was lost is looked for: by the URL of our webhook, which is the job's alone and which
 * the vendor shows with every batch, finished ones too. A job without one cannot be found.
 */
import type { JsonObject } from '../../domain/json-line.ts';
import { understood } from '../answers.ts';
import { ProviderFailure } from '../failure.ts';
import type { Sighting, Submission } from '../provider.ts';
import type { Calls } from './calls.ts';
import { readBatch, readBatches, type WireBatch } from './wire.ts';

/** Every batch that carries the job's webhook URL. Calls nobody where the job has none. */
export async function findBatches(
  calls: Calls,
  { callbackUrl = null, hintedJobId = null, intentAt }: Submission,
  signal: AbortSignal,
): Promise<Sighting[]> {
  if (callbackUrl === null) return [];
  const isOurs = ({ webhookUrl }: WireBatch): boolean => isSameUrl(webhookUrl, callbackUrl);
  const listed = async (createdAfter: Date | null) =>
    understood(readBatches, await calls.list(createdAfter, signal)).filter(isOurs);

  let found = await listed(new Date(intentAt.getTime() - clockSkewMilliseconds));
  // That there is none costs a second job if it is wrong, so the vendor's filter is not taken at its word.
  if (found.length === 0) found = await listed(null);
  if (hintedJobId !== null && !found.some(({ id }) => id === hintedJobId)) {
    const hinted = await retrieveHinted(calls, hintedJobId, signal);
    if (hinted !== null && isOurs(hinted)) found = [...found, hinted];
  }
  return [...new Map(found.map((batch) => [batch.id, sighting(batch)])).values()];
}

/** Whether the vendor shows the URL as it was given, or as a parser writes it: lower-case host, no default port. */
const isSameUrl = (shown: string | null, own: string): boolean => {
  if (shown === null || shown === own) return shown === own;
  const parsed = URL.parse(shown);
  return parsed !== null && parsed.href === URL.parse(own)?.href;
};

/** How far our clock and the vendor's may be apart. */
const clockSkewMilliseconds = 5 * 60 * 1000;

/** The batch that a call to our webhook has named; null where there is none, as anybody may name anything. */
const retrieveHinted = async (calls: Calls, id: string, signal: AbortSignal): Promise<WireBatch | null> => {
  if (!/^[\w-]{1,128}$/.test(id)) return null;
  try {
    return understood(readBatch, await calls.retrieve(id, signal));
  } catch (failure) {
    if (failure instanceof ProviderFailure && failure.kind === 'rejected') return null;
    throw failure;
  }
};

const sighting = ({ id, status, created_at: createdAt, metrics }: WireBatch): Sighting => {
  const evidence: JsonObject = {
    providerJobId: id,
    providerStatus: status,
    createdAt: createdAt?.toISOString() ?? null,
    requestCount: metrics?.total ?? null,
  };
  return { providerJobId: id, proof: 'EXACT', evidence };
};
