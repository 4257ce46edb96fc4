/** What holds of the story's end, wherever the service died: nothing lost, nothing doubled, nothing sent again. */
import { expect } from 'vitest';
import type { EmulatedBatch } from '../../src/providers/emulation.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { findBatch, type Plot, query, requestsOf, type Told } from './crash-story.ts';
import type { CrashableService } from './crashable-service.ts';
import { expectInvariants } from './invariants.ts';

/** The batch as it is at the end. */
export interface BatchAtEnd {
  readonly status: string;
  readonly version: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly usage: Readonly<Record<string, string | null>>;
  readonly cost: Readonly<Record<string, string | number | null>>;
  readonly callback: { readonly statusCode: number | null; readonly nextAttemptAt: string | null } | null;
  readonly jobs: readonly JobAtEnd[];
  readonly items: readonly ItemAtEnd[];
}

interface JobAtEnd {
  readonly number: number;
  readonly status: string;
  readonly providerJobId: string | null;
  readonly evidence: Readonly<Record<string, unknown>> | null;
}

interface ItemAtEnd {
  readonly customId: string;
  readonly status: string;
  readonly text: string | null;
}

/** Looks at everything, and fails where a promise is broken; `unharmed` is how a run ended that did not die. */
export async function expectNothingLost(
  service: CrashableService,
  plot: Plot,
  told: readonly Told[],
  unharmed: BatchAtEnd | null,
): Promise<BatchAtEnd> {
  const batch = await lookAt(service);
  expectOneBatchPerJob(service, batch.jobs, await service.emulator.batches());
  expectOwnAnswers(service, plot, batch);
  if (!batch.jobs.some(waitsForPerson)) {
    expect(batch.counts).toMatchObject({ pending: 0, submitted: 0 });
    // What a cancel catches depends on when it comes; all else does not.
    if (plot !== 'cancelled' && unharmed !== null) {
      const { status, counts, usage, cost, items } = unharmed;
      expect(batch).toMatchObject({ status, counts, usage, cost, items });
    }
  }
  if (plot === 'kept') expectToldOnce(service, batch);
  expectContiguous(told, batch.version);
  await expectInvariants(service.db);
  return batch;
}

/** Whether nobody can know what became of the job, so that nothing is sent and a person is asked. */
export const waitsForPerson = ({ status, evidence }: JobAtEnd): boolean =>
  status === 'UNKNOWN' && typeof evidence?.['needsPerson'] === 'string';

/**
 * Each job has one batch at the provider, and each batch there a job; but one that was cancelled before it was sent
 * has none, and of one that waits for a person there is one or none.
 */
function expectOneBatchPerJob(
  { provider }: CrashableService,
  jobs: readonly JobAtEnd[],
  there: readonly EmulatedBatch[],
): void {
  const named = jobs.flatMap(({ providerJobId }) => providerJobId ?? []);
  const unsent = jobs.filter(({ status, providerJobId }) => status === 'CANCELLED' && providerJobId === null);
  const unknown = jobs.filter(waitsForPerson);
  if (canBeKnown(provider)) expect(unknown).toEqual([]);
  expect(named.length + unsent.length + unknown.length, 'jobs that know their fate').toBe(jobs.length);
  const ids = there.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(named));
  expect(new Set(named).size).toBe(named.length);
  expect(ids.length - named.length, 'batches of jobs that do not name them').toBeLessThanOrEqual(
    unknown.length,
  );
}

/** Whether what a provider shows always tells what became of a job. */
const canBeKnown = ({ capabilities }: Provider): boolean =>
  capabilities.recovery === 'EXACT' && capabilities.absenceProves && !capabilities.recoveryNeedsCallback;

/** Items in are items out: every custom id once and in order, each with the answer to its own request. */
function expectOwnAnswers({ provider }: CrashableService, plot: Plot, batch: BatchAtEnd): void {
  expect(batch.items.map(({ customId }) => customId)).toEqual(
    requestsOf(provider, plot).map(({ customId }) => customId),
  );
  for (const [index, { status, text }] of batch.items.entries()) {
    if (status !== 'SUCCEEDED' || !provider.capabilities.tells.includes('text')) continue;
    expect(text).toContain(`question ${index}"`);
  }
}

/** The receiver of callbacks heard of the end, of one by one id, perhaps more than once after a death. */
function expectToldOnce({ receiver: { calls } }: CrashableService, batch: BatchAtEnd): void {
  const isOver = !batch.jobs.some(waitsForPerson);
  expect(calls.length > 0, 'whether anything was told').toBe(isOver);
  if (!isOver) return;
  expect(new Set(calls.map(({ id }) => id)).size, 'ids of one end').toBe(1);
  expect(new Set(calls.map(({ body }) => body)).size, 'bodies of one end').toBe(1);
  expect(JSON.parse(calls[0]?.body ?? '')).toMatchObject({ data: { status: batch.status } });
  expect(batch.callback).toMatchObject({ statusCode: 200, nextAttemptAt: null });
}

/** What a follower was told that resumed: every number once, up to the newest. */
function expectContiguous(told: readonly Told[], version: number): void {
  let next = 1;
  for (const { fromSeq, seq, resync } of told) {
    expect({ fromSeq, resync }).toEqual({ fromSeq: next, resync: false });
    next = seq + 1;
  }
  expect(next).toBe(version + 1);
}

const batchDocument = `query($id: ID!) { batch(id: $id) {
  status version counts { total pending submitted succeeded errored expired cancelled }
  usage { inputTokens outputTokens cachedInputTokens cacheWriteInputTokens reasoningTokens }
  cost { actual savedAgainstRealtime unpriced }
  callback { statusCode nextAttemptAt }
  jobs(first: 10) { edges { node { number status providerJobId evidence } } }
  items(first: 1000) { edges { node { customId status text } } } } }`;

async function lookAt(service: CrashableService): Promise<BatchAtEnd> {
  const { batch } = await query(service, batchDocument, { id: await findBatch(service) });
  const nodes = ({ edges }: { edges: readonly { node: never }[] }) => edges.map(({ node }) => node);
  return { ...batch, jobs: nodes(batch.jobs), items: nodes(batch.items) };
}
