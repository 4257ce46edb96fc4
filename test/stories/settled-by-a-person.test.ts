/**
 * A job at Letta whose answer is lost, at a service that Letta cannot call: nothing of it shows there that it could be
 * found by. It stops and says so; a person looks at Letta and tells what became of it, in each of three ways. Whatever
 * it is, nothing is sent twice.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FaultEffect } from '../../src/providers/emulation.ts';
import { letta } from '../../src/providers/letta/index.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { bodyFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';
import { callsOf, withProvider } from '../support/verbs.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
});
afterEach(() => expectInvariants(service.app.services.db));
afterAll(() => service.close());

const document = `query($id: ID!) { batch(id: $id) { status counts { total succeeded errored submitted }
  jobs { edges { node { id status providerJobId needsPerson madeElsewhere evidence } } }
  items { edges { node { customId status error { code retryable } } } } events(first: 50) { edges { node { kind data } } } } }`;
const look = async (id: string) => {
  const { batch } = (await service.query(document, { id })).data;
  const [job] = batch.jobs.edges.map(({ node }: { node: unknown }) => node);
  return { ...batch, job };
};

/** A batch of three requests whose one job needs a person, because its answer was lost. */
async function inDoubt(effect: FaultEffect) {
  const emulator = service.emulator('letta');
  const before = callsOf(emulator.calls, 'create');
  emulator.faults.add({ operation: 'create', effect });
  const list = ['a', 'b', 'c'].map((customId, index) => ({
    customId,
    body: bodyFor('letta', customId, '', index),
  }));
  const { batch } = await mutate(service, 'createBatch', {
    provider: 'letta',
    submit: 'NOW',
    requests: { list },
  });
  const id: string = batch.id;
  const told = subscribeByWebSocket({
    url: service.url,
    query: 'subscription($id: ID!) { batchUpdated(id: $id) { kinds batch { status } } }',
    variables: { id },
  });
  await workOnce(withProvider(service, letta), service.app.databaseUrl);
  // However long nobody looks: it waits, shows what is known, and is not sent again.
  await service.turn(86_400, 21_600);
  const { job, ...doubtful } = await look(id);
  expect(doubtful).toMatchObject({ status: 'SUBMITTED', counts: { total: 3, submitted: 3 } });
  expect(job).toMatchObject({
    status: 'UNKNOWN',
    providerJobId: null,
    needsPerson: 'UNSEARCHABLE',
    madeElsewhere: false,
    evidence: { lostAnswer: 'answer_lost', sightings: [], searchedAt: expect.any(String) },
  });
  const creates = () => callsOf(emulator.calls, 'create') - before;
  expect(creates()).toBe(1);
  return { id, jobId: job.id as string, creates, told };
}

const settle = (jobId: string, resolution: Record<string, unknown>) =>
  mutate(service, 'resolveJob', { jobId, resolution }, { batch: 'status' });

/** How a batch ends that was told live: its last states, and that somebody settled it. */
async function ends(told: ReturnType<typeof subscribeByWebSocket>): Promise<string> {
  await told.done;
  const changes = told.messages.map(({ data }) => data.batchUpdated);
  return changes.at(-1).batch.status;
}

describe('A job whose fate nobody can know, settled by a person who', () => {
  it('finds its batch at Letta: its answers come', async () => {
    const { id, jobId, creates, told } = await inDoubt({ kind: 'accept-and-drop' });
    const there = (await service.emulator('letta').batches()).at(-1);
    expect(await settle(jobId, { providerJobId: there?.id })).toMatchObject({
      __typename: 'ResolveJobPayload',
      job: { providerJobId: there?.id, needsPerson: null },
    });
    await service.turn(40);
    const { job, ...batch } = await look(id);
    expect(batch).toMatchObject({ status: 'COMPLETED', counts: { succeeded: 3 } });
    expect(job).toMatchObject({
      status: 'COMPLETED',
      needsPerson: null,
      evidence: {
        proof: 'PROVEN',
        resolutions: [{ kind: 'PROVIDER_JOB', providerJobId: there?.id, by: expect.any(String) }],
      },
    });
    expect(batch.events.edges.map(({ node }: { node: { kind: string } }) => node.kind)).toContain(
      'JOB_RESOLVED',
    );
    expect(await ends(told)).toBe('COMPLETED');
    expect(creates()).toBe(1);
  });

  it('finds that it was never created: it is sent again, once', async () => {
    const { id, jobId, creates, told } = await inDoubt({ kind: 'drop' });
    expect(await settle(jobId, { notCreated: true })).toMatchObject({
      job: { status: 'CREATED', needsPerson: null },
    });
    await service.turn(40);
    expect(await look(id)).toMatchObject({
      status: 'COMPLETED',
      counts: { succeeded: 3 },
      job: { status: 'COMPLETED' },
    });
    expect(await ends(told)).toBe('COMPLETED');
    expect(creates()).toBe(2);
  });

  it('gives it up: its requests say so, and may be paid for, so that nothing sends them again', async () => {
    const { id, jobId, creates, told } = await inDoubt({ kind: 'accept-and-drop' });
    expect(await settle(jobId, { giveUp: true })).toMatchObject({
      job: { status: 'FAILED' },
      batch: { status: 'FAILED' },
    });
    const batch = await look(id);
    expect(batch).toMatchObject({ counts: { errored: 3 }, job: { status: 'FAILED', needsPerson: null } });
    for (const { node } of batch.items.edges) {
      expect(node).toMatchObject({ status: 'ERRORED', error: { code: 'given_up', retryable: false } });
    }
    expect(await ends(told)).toBe('FAILED');
    // What is settled stays settled.
    expect(await settle(jobId, { notCreated: true })).toMatchObject({
      __typename: 'JobStateError',
      code: 'WRONG_JOB_STATE',
      status: 'FAILED',
    });
    expect(creates()).toBe(1);
  });

  it('says nothing that can be meant is told what is wrong with it', async () => {
    const { jobId } = await inDoubt({ kind: 'drop' });
    expect(await settle(jobId, { notCreated: false })).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: ['input', 'resolution', 'notCreated'], message: 'notCreated must be true.' }],
    });
    expect(await settle(jobId, { providerJobId: '../jobs' })).toMatchObject({
      issues: [{ path: ['input', 'resolution', 'providerJobId'] }],
    });
    expect(await settle(jobId, { providerJobId: 'job-none' })).toMatchObject({
      __typename: 'ProviderJobError',
      code: 'UNFIT_PROVIDER_JOB',
      problem: 'NOT_THERE',
      jobId: null,
    });
    await settle(jobId, { giveUp: true });
  });
});
