/**
 * Jobs of which nobody can know whether they were created, settled by a person: what each answer leads to, what is
 * refused, and that whoever searches meanwhile neither undoes nor doubles anything.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { resolveJob } from '../../src/batches/resolve-job.ts';
import type { Database } from '../../src/db/client.ts';
import { countStrays } from '../../src/db/queries/strays.ts';
import type { JobRow } from '../../src/db/tables/jobs.ts';
import type { JobResolution } from '../../src/domain/resolution.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import { openProviderAccess } from '../../src/providers/access.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import type { FaultEffect } from '../../src/providers/emulation.ts';
import { letta } from '../../src/providers/letta/index.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Provider } from '../../src/providers/provider.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { makeForeignBatch } from '../support/foreign-batches.ts';
import { holdNext } from '../support/held-call.ts';
import { expectInvariants } from '../support/invariants.ts';
import { refusalOf } from '../support/refusals.ts';
import { startTestService, type TestService } from '../support/service.ts';
import {
  anotherProcess,
  batchNow,
  callsOf,
  itemsNow,
  jobNow,
  makeBatch,
  withProvider,
} from '../support/verbs.ts';

let service: TestService;
let services: Services;
let other: { services: Services; db: Database };
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  other = anotherProcess(service);
});
beforeEach(async () => {
  ({ scope } = await service.addOrganization('resolving'));
});
afterEach(async () => {
  for (const { name } of [openai, anthropic, letta]) service.emulator(name).faults.clear();
  await expectInvariants(services.db);
  // The next test must not find this one's batches by time and number.
  service.clock.advance({ hours: 1 });
  await service.work();
});
afterAll(async () => {
  await other.db.close();
  await service.close();
});

/** A batch whose one job's submission was hit by `effect`, and whose provider's list fails once if it must be in doubt. */
async function doubtful(provider: Provider, effect: FaultEffect, texts = ['one', 'two']) {
  const emulator = service.emulator(provider.name);
  const creates = callsOf(emulator.calls, 'create');
  emulator.faults.add({ operation: 'create', effect });
  if (provider !== letta) emulator.faults.add({ operation: 'list', effect: { kind: 'drop' } });
  const { id } = await makeBatch(services, scope, { provider: provider.name, texts });
  // Without an address outside nothing of ours goes to Letta that a job could be found by.
  await workOnce(withProvider(service, provider), service.app.databaseUrl);
  const job = await jobNow(services, id);
  expect(job).toMatchObject({ status: 'UNKNOWN', providerJobId: null });
  return {
    id,
    job,
    creates: () => callsOf(emulator.calls, 'create') - creates,
    newest: async () => (await emulator.batches()).at(-1)?.id ?? '',
  };
}
const resolve = (job: Pick<JobRow, 'id'>, resolution: JobResolution, by: Services = services) =>
  resolveJob(by, scope, job.id, resolution);
const isBatch = (providerJobId: string): JobResolution => ({ kind: 'PROVIDER_JOB', providerJobId });
const notCreated: JobResolution = { kind: 'NOT_CREATED' };
const givenUp: JobResolution = { kind: 'GIVEN_UP' };
const wrongState = { code: 'WRONG_JOB_STATE' };
const unfit = (problem: string, jobId: string | null = null) => ({
  code: 'UNFIT_PROVIDER_JOB',
  problem,
  jobId,
});
/** Until nothing that was sent can arrive any more. */
const waitUntilSent = () => service.clock.advance({ seconds: 660 });

describe('A job that nothing can find', () => {
  it('is the batch that a person names: it is watched and collected from then on, and never sent again', async () => {
    const { id, job, creates, newest } = await doubtful(letta, { kind: 'accept-and-drop' });
    expect(job).toMatchObject({
      dueAt: null,
      evidence: { needsPerson: 'unsearchable', lostAnswer: 'answer_lost' },
    });
    const { job: settled, batch } = await resolve(job, isBatch(await newest()));
    expect(settled).toMatchObject({ status: 'RUNNING', providerJobId: await newest(), errorCode: null });
    expect(settled.evidence).toEqual({
      lostAnswer: 'answer_lost',
      searchedAt: expect.any(String),
      sightings: [],
      proof: expect.stringMatching(/^PROVEN|PERSON$/),
      found: { providerJobId: await newest(), providerStatus: expect.any(String) },
      resolutions: [
        {
          ...isBatch(await newest()),
          by: scope.apiKeyId,
          at: service.clock.now().toISOString(),
          needsPerson: 'unsearchable',
        },
      ],
    });
    expect(batch).toMatchObject({ status: 'IN_PROGRESS', lastUpdatedBy: scope.apiKeyId });
    await service.turn(40);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(await jobNow(services, id)).toMatchObject({ evidence: { proof: 'PROVEN' } });
    expect(creates()).toBe(1);
  });

  it('is sent again, once, when a person knows that it was not created, and not before all that was sent has arrived', async () => {
    const { id, job, creates } = await doubtful(letta, { kind: 'drop' });
    await expect(resolve(job, notCreated)).rejects.toMatchObject({ ...wrongState, status: 'UNKNOWN' });
    service.clock.advance({ seconds: 659 });
    await expect(resolve(job, notCreated)).rejects.toMatchObject(wrongState);
    service.clock.advance({ seconds: 1 });
    const answers = await Promise.allSettled([
      resolve(job, notCreated),
      resolve(job, notCreated, other.services),
      resolve(job, notCreated),
    ]);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await batchNow(services, id)).toMatchObject({ status: 'SUBMITTED', pending: 2, submitted: 0 });
    await service.work();
    expect(creates()).toBe(2);
    await service.turn(40);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(creates()).toBe(2);
  });

  it('is cancelled when it was not created and nobody wants it any more', async () => {
    const { id, job, creates } = await doubtful(letta, { kind: 'drop' });
    await cancelBatch(services, scope, id);
    expect(await batchNow(services, id)).toMatchObject({ status: 'CANCELLING' });
    waitUntilSent();
    await resolve(job, notCreated);
    await service.work();
    expect(await batchNow(services, id)).toMatchObject({ status: 'CANCELLED', cancelled: 2 });
    expect(creates()).toBe(1);
  });

  it('is given up: its requests end with the reason at once, and nothing is sent, also where no credentials are left', async () => {
    const { id, job, creates } = await doubtful(letta, { kind: 'accept-and-drop' });
    const without = {
      ...services,
      providers: openProviderAccess(new Map([[letta, { mode: 'UNCONFIGURED' }]]), services),
    };
    await expect(resolve(job, isBatch('job-1'), without)).rejects.toMatchObject({
      code: 'PROVIDER_NOT_CONFIGURED',
    });
    const { job: settled, batch } = await resolve(job, givenUp, without);
    expect(settled).toMatchObject({
      status: 'FAILED',
      collected: true,
      errorCode: 'given_up',
      providerJobId: null,
    });
    expect(batch).toMatchObject({ status: 'FAILED', errored: 2, errorCode: 'given_up' });
    for (const item of await itemsNow(services, id)) {
      expect(item).toMatchObject({ status: 'ERRORED', errorCode: 'given_up', retryable: false });
    }
    await service.turn(1_200, 300);
    expect(creates()).toBe(1);
  });
});

describe('A batch that a person names', () => {
  it('is refused where it is not there, of another size, or has results for other requests', async () => {
    const { job } = await doubtful(letta, { kind: 'drop' });
    await expect(resolve(job, isBatch('job-00000000-0000-4000-8000-000000000000'))).rejects.toMatchObject(
      unfit('NOT_THERE'),
    );
    const agents = await makeForeignBatch(service, letta, { texts: ['a', 'b'], firstIndex: 100 });
    service.clock.advance({ minutes: 1 });
    await expect(resolve(job, isBatch(agents.providerJobId))).rejects.toMatchObject(unfit('OTHER_REQUESTS'));

    const { job: sized } = await doubtful(openai, { kind: 'drop' });
    const larger = await makeForeignBatch(service, openai, { texts: ['a', 'b', 'c'] });
    service.clock.advance({ minutes: 1 });
    await expect(resolve(sized, isBatch(larger.providerJobId))).rejects.toMatchObject(unfit('OTHER_SIZE'));
    for (const unknown of [job, sized])
      expect(await jobNow(services, unknown.batchId)).toMatchObject({ status: 'UNKNOWN' });
  });

  it('is refused where it is another job’s, and reads as absent to all organizations but the one that has it', async () => {
    const { id: mine } = await makeBatch(services, scope);
    const { scope: stranger } = await service.addOrganization('stranger');
    const { id: theirs } = await makeBatch(services, stranger);
    await service.work();
    const { job } = await doubtful(openai, { kind: 'drop' });
    const own = await jobNow(services, mine);
    const foreign = await jobNow(services, theirs);
    await expect(resolve(job, isBatch(own.providerJobId ?? ''))).rejects.toMatchObject(
      unfit('TAKEN', own.id),
    );
    const [absent, hidden] = await Promise.all(
      ['batch_of_nobody', foreign.providerJobId ?? ''].map((id) => refusalOf(resolve(job, isBatch(id)))),
    );
    expect(absent).toMatchObject({ code: 'UNFIT_PROVIDER_JOB', problem: 'NOT_THERE' });
    expect(hidden).toEqual({ ...absent, providerJobId: foreign.providerJobId });
  });

  it('is refused where it carries the mark of another job, which has not found it yet', async () => {
    const lost = await doubtful(openai, { kind: 'accept-and-drop' });
    const made = await lost.newest();
    const { job } = await doubtful(openai, { kind: 'drop' });
    await expect(resolve(job, isBatch(made))).rejects.toMatchObject(unfit('TAKEN', lost.job.id));
    await service.turn(60, 20);
    expect(await batchNow(services, lost.id)).toMatchObject({ status: 'COMPLETED' });
  });

  it('is let go of where its results prove it to be another’s: none is taken, and the search goes on', async () => {
    const { id, job, creates } = await doubtful(openai, { kind: 'drop' });
    const wrong = await makeForeignBatch(service, openai, { texts: ['theirs', 'too'] });
    const { job: settled } = await resolve(job, isBatch(wrong.providerJobId));
    expect(settled).toMatchObject({ providerJobId: wrong.providerJobId, evidence: { proof: 'PERSON' } });
    await service.turn(40, 10);
    const again = await jobNow(services, id);
    expect(again).toMatchObject({ status: 'UNKNOWN', evidence: { notOurs: [wrong.providerJobId] } });
    expect(again.evidence?.['resolutions']).toHaveLength(1);
    await service.turn(720, 120);
    await service.turn(40, 10);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(await services.db.read((q) => countStrays(workerScope, q, [job.id]))).toEqual(new Map());
    expect(creates()).toBe(3);
  });

  it('is asked to stop where the batch was cancelled, and ends with what it had done', async () => {
    const { id, job, newest } = await doubtful(letta, { kind: 'accept-and-drop' }, [
      'one',
      'slow emulate:stuck',
    ]);
    await cancelBatch(services, scope, id);
    await resolve(job, isBatch(await newest()));
    await service.turn(40);
    expect(await batchNow(services, id)).toMatchObject({ cancelled: 1, succeeded: 1 });
  });

  it('may have failed as a whole; then so has the job', async () => {
    const { id, job, newest } = await doubtful(openai, { kind: 'accept-and-drop' }, [
      'bad emulate:job-failed',
    ]);
    service.clock.advance({ minutes: 1 });
    await resolve(job, isBatch(await newest()));
    await service.turn(10);
    expect(await batchNow(services, id)).toMatchObject({ status: 'FAILED', errored: 1 });
  });

  it.each([
    ['is down', { kind: 'answer', status: 503, body: '{}' } as const],
    ['answers nonsense', { kind: 'rewrite', rewrite: () => '<html>' } as const],
  ])('is left alone while its provider %s', async (_how, effect) => {
    const { job, newest } = await doubtful(letta, { kind: 'accept-and-drop' });
    service.emulator('letta').faults.add({ operation: 'retrieve', effect });
    await expect(resolve(job, isBatch(await newest()))).rejects.toMatchObject({
      code: 'PROVIDER_CALL_FAILED',
    });
    expect(await jobNow(services, job.batchId)).toMatchObject({
      status: 'UNKNOWN',
      leaseEpoch: job.leaseEpoch,
    });
  });
});

describe('A job', () => {
  it('that is not UNKNOWN, or another organization’s, cannot be resolved', async () => {
    const { id } = await makeBatch(services, scope);
    const waiting = await jobNow(services, id);
    for (const resolution of [isBatch('batch_1'), notCreated, givenUp]) {
      await expect(resolve(waiting, resolution)).rejects.toMatchObject({ ...wrongState, status: 'CREATED' });
    }
    const { scope: stranger } = await service.addOrganization('stranger');
    await expect(resolveJob(services, stranger, waiting.id, givenUp)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      id: waiting.id,
    });
  });

  it('that is still being looked for is not said to be absent, and can be named or given up', async () => {
    const { id, job } = await doubtful(openai, { kind: 'drop' });
    waitUntilSent();
    await expect(resolve(job, notCreated)).rejects.toMatchObject({
      ...wrongState,
      message: expect.stringContaining('still being looked for'),
    });
    expect(await resolve(job, givenUp)).toMatchObject({ batch: { status: 'FAILED', errored: 2 } });
    expect(await batchNow(services, id)).toMatchObject({ status: 'FAILED' });
  });

  it('that several batches fit may be none of them, and is then sent again', async () => {
    const { id, job, creates } = await doubtful(anthropic, { kind: 'drop' });
    // Their results cannot be read, so that nothing tells whose they are.
    const unreadable = ['emulate:malformed', 'emulate:malformed'];
    for (const _ of ['one', 'another']) await makeForeignBatch(service, anthropic, { texts: unreadable });
    await service.turn(900, 300);
    expect(await jobNow(services, id)).toMatchObject({
      status: 'UNKNOWN',
      dueAt: null,
      evidence: { needsPerson: 'ambiguous', sightings: [{}, {}] },
    });
    expect(creates()).toBe(3);
    await resolve(job, notCreated);
    await service.turn(40);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(creates()).toBe(4);
  });

  it('that was created twice is the one of them that a person names, and never said to be absent', async () => {
    const { id, job, creates, newest } = await doubtful(openai, { kind: 'accept-and-drop' });
    const made = await newest();
    await makeForeignBatch(service, openai, { texts: ['one', 'two'], nonce: job.nonce });
    await service.turn(30, 30);
    expect(await jobNow(services, id)).toMatchObject({
      dueAt: null,
      evidence: { needsPerson: 'duplicates' },
    });
    waitUntilSent();
    await expect(resolve(job, notCreated)).rejects.toMatchObject(wrongState);
    await resolve(job, isBatch(made));
    await service.turn(40);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(creates()).toBe(2);
  });
});

describe('A search that is under way when a person settles its job', () => {
  it.each([
    ['gives it up', () => givenUp, { status: 'FAILED', errorCode: 'given_up' }],
    ['names its batch', isBatch, { evidence: { proof: expect.stringMatching(/^PERSON|PROVEN$/) } }],
  ] as const)('writes nothing any more where that person %s', async (_what, answer, settled) => {
    const { id, job, creates, newest } = await doubtful(openai, { kind: 'accept-and-drop' });
    const search = holdNext(service.emulator('openai'), 'list');
    service.clock.advance({ seconds: 30 });
    const working = service.work();
    await search.arrived;
    const resolved = await resolve(job, answer(await newest()), other.services);
    search.release();
    await working;
    expect(resolved.job.leaseEpoch).toBeGreaterThan(job.leaseEpoch + 1);
    expect(await jobNow(services, id)).toMatchObject(settled);
    await service.turn(1_200, 120);
    const batch = await batchNow(services, id);
    expect([batch.succeeded, batch.errored]).toEqual(answer === isBatch ? [2, 0] : [0, 2]);
    expect(creates()).toBe(1);
    expect(
      service.logged.some(({ msg, jobId }) => msg === 'another worker took over the job' && jobId === job.id),
    ).toBe(true);
  });

  it('and finds it first leaves nothing to settle', async () => {
    const { id, job, creates, newest } = await doubtful(openai, { kind: 'accept-and-drop' });
    const asking = holdNext(service.emulator('openai'), 'retrieve');
    const resolving = resolve(job, isBatch(await newest()), other.services);
    await asking.arrived;
    await service.turn(30, 30);
    asking.release();
    await expect(resolving).rejects.toMatchObject(wrongState);
    await service.turn(40, 10);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(creates()).toBe(1);
  });
});
