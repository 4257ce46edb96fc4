/**
 * Batches that were made elsewhere, at every provider: taken over once, watched and collected like any other, never
 * sent again; and what is refused.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { adoptJob } from '../../src/batches/adopt-job.ts';
import { cancelBatch } from '../../src/batches/cancel.ts';
import type { Database } from '../../src/db/client.ts';
import { countBatches } from '../../src/db/queries/batch-pages.ts';
import { countStrays } from '../../src/db/queries/strays.ts';
import type { AdoptJobInput } from '../../src/domain/batch-input.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import { letta } from '../../src/providers/letta/index.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { providers } from '../../src/providers/registry.ts';
import type { Services } from '../../src/services.ts';
import { chatBody, modelFor } from '../support/documents.ts';
import { type ForeignBatch, makeForeignBatch, textsFor } from '../support/foreign-batches.ts';
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
  service = await startTestService({ SANDBOX_SECONDS: '10' });
  services = service.app.services;
  other = anotherProcess(service);
  ({ scope } = await service.addOrganization('adopting'));
});
afterEach(() => expectInvariants(services.db));
afterAll(async () => {
  await other.db.close();
  await service.close();
});

const inputFor = (provider: Provider, { providerJobId, jsonl }: ForeignBatch): AdoptJobInput => ({
  provider: provider.name,
  ...modelFor(provider.name),
  providerJobId,
  requests: { kind: 'lines', field: 'jsonl', text: jsonl },
});
const adopt = (provider: Provider, batch: ForeignBatch, changes: Partial<AdoptJobInput> = {}) =>
  adoptJob(services, scope, { ...inputFor(provider, batch), ...changes });
const count = () => services.db.read((q) => countBatches(scope, q, {}));
/** A refusal for what is wrong with the provider's batch. */
const unfit = (problem: string, jobId: string | null = null) => ({
  code: 'UNFIT_PROVIDER_JOB',
  problem,
  jobId,
});

describe.each(providers.map((provider) => [provider.name, provider] as const))(
  'A batch of %s',
  (name, provider) => {
    const emulator = () => service.emulator(name);
    const creations = () => callsOf(emulator().calls, emulator().operations.create);

    it('that runs is taken over, ends with an answer for each request, and is never sent', async () => {
      const [first = '', ...others] = textsFor(provider);
      const batch = await makeForeignBatch(service, provider, {
        texts: [first, ...others.slice(1), 'bad emulate:errored'],
      });
      const before = creations();
      const { job, batch: made } = await adopt(provider, batch, { name: 'from elsewhere' });
      expect(made).toMatchObject({ name: 'from elsewhere', closedAt: service.clock.now(), pending: 0 });
      expect(made.submitted).toBe(batch.keys.length);
      expect(job).toMatchObject({
        itemKeys: 'CALLERS',
        number: 1,
        intentAt: null,
        requestCount: batch.keys.length,
      });
      expect(job.providerJobId).toBe(batch.providerJobId);
      await service.turn(60);
      expect(await jobNow(services, made.id)).toMatchObject({ status: 'COMPLETED', collected: true });
      const items = await itemsNow(services, made.id);
      if (provider.itemsNamedBy === 'KEY') expect(items.map(({ customId }) => customId)).toEqual(batch.keys);
      expect(items.map(({ status }) => status)).toEqual(
        batch.keys.map((_, index) => (index === batch.keys.length - 1 ? 'ERRORED' : 'SUCCEEDED')),
      );
      expect(await services.db.read((q) => countStrays(workerScope, q, [job.id]))).toEqual(new Map());
      expect(creations()).toBe(before);
    });

    it('that is over is taken over with its results', async () => {
      const batch = await makeForeignBatch(service, provider);
      service.clock.advance({ minutes: 2 });
      const { batch: made } = await adopt(provider, batch);
      await service.work();
      expect(await batchNow(services, made.id)).toMatchObject({
        status: 'COMPLETED',
        succeeded: batch.keys.length,
      });
    });

    it('is one job here, however many take it over at the same time', async () => {
      const batch = await makeForeignBatch(service, provider);
      const before = await count();
      const input = inputFor(provider, batch);
      const calls = await Promise.allSettled(
        Array.from({ length: 6 }, (_, index) =>
          adoptJob(index % 2 === 0 ? services : other.services, scope, input),
        ),
      );
      const made = calls.flatMap((call) => (call.status === 'fulfilled' ? [call.value.job.id] : []));
      expect(made).toHaveLength(1);
      const refusals = calls.flatMap((call) => (call.status === 'rejected' ? [call.reason] : []));
      for (const refusal of refusals) expect(refusal).toMatchObject(unfit('TAKEN', made[0]));
      expect((await count()) - before).toBe(1);
    });

    it('that does not exist, or is another size, is refused, and nothing is stored', async () => {
      const batch = await makeForeignBatch(service, provider);
      // Sizes are told at the latest when it runs.
      service.clock.advance({ seconds: 5 });
      const before = await count();
      const elsewhere = { providerJobId: batch.providerJobId.replace(/.{6}$/, 'nobody') };
      await expect(adopt(provider, batch, elsewhere)).rejects.toMatchObject({
        code: 'UNFIT_PROVIDER_JOB',
        problem: expect.stringMatching(/^NOT_/),
      });
      // Letta counts nothing.
      if (provider !== letta) {
        const text = batch.jsonl.split('\n').slice(1).join('\n');
        await expect(
          adopt(provider, batch, { requests: { kind: 'lines', field: 'jsonl', text } }),
        ).rejects.toMatchObject(unfit('OTHER_SIZE'));
      }
      expect(await count()).toBe(before);
    });

    it('whose results are for other requests is refused', async () => {
      const batch = await makeForeignBatch(service, provider);
      const others = await makeForeignBatch(service, provider, {
        keys: batch.keys.map((key) => `not-${key}`),
        firstIndex: 5_000,
      });
      service.clock.advance({ minutes: 2 });
      await expect(adopt(provider, { ...batch, jsonl: others.jsonl })).rejects.toMatchObject(
        unfit('OTHER_REQUESTS'),
      );
    });
  },
);

describe('A batch that was made elsewhere', () => {
  it('is cancelled like any other, and what it had done is kept', async () => {
    const batch = await makeForeignBatch(service, openai, { texts: ['one', 'slow emulate:stuck'] });
    const { batch: made } = await adopt(openai, batch);
    await service.turn(20);
    await cancelBatch(services, scope, made.id);
    await service.turn(60);
    expect(await batchNow(services, made.id)).toMatchObject({ succeeded: 1, cancelled: 1 });
  });

  it('loses nothing but a torn line, and keeps what names none of its requests', async () => {
    const batch = await makeForeignBatch(service, openai, {
      texts: [
        'torn emulate:malformed',
        'more emulate:foreign',
        'doubled emulate:doubled',
        'missing emulate:missing',
        'good',
      ],
    });
    const { batch: made, job } = await adopt(openai, batch);
    await service.turn(60);
    const items = await itemsNow(services, made.id);
    expect(items.map(({ errorCode }) => errorCode)).toEqual([
      'missing_result',
      null,
      null,
      'missing_result',
      null,
    ]);
    expect((await services.db.read((q) => countStrays(workerScope, q, [job.id]))).get(job.id)).toBe(2);
  });

  it('stays one job, however much larger it is than one that would be made here', async () => {
    const small = { ...openai, limits: { ...openai.limits, requestsMax: 2 } };
    const batch = await makeForeignBatch(service, openai, { texts: ['a', 'b', 'c', 'd', 'e'] });
    const { batch: made } = await adoptJob(withProvider(service, small), scope, inputFor(openai, batch));
    expect(await jobNow(services, made.id)).toMatchObject({ requestCount: 5, positions: '{[0,5)}' });
  });

  it('may say a word that nobody knows; it is asked again until it says one', async () => {
    const batch = await makeForeignBatch(service, openai, { texts: ['odd emulate:unknown-status'] });
    service.clock.advance({ seconds: 3 });
    const { job, batch: made } = await adopt(openai, batch);
    expect(job).toMatchObject({ status: 'PENDING', providerJobId: batch.providerJobId });
    expect(made.status).toBe('VALIDATING');
  });

  it('needs requests that say what they are called there, and each agent once', async () => {
    const batch = await makeForeignBatch(service, openai, { texts: ['one', 'two'] });
    const nameless = {
      kind: 'list',
      requests: [{ customId: 'their-0', body: chatBody('one') }, { body: chatBody('two') }],
    } as const;
    await expect(
      adopt(openai, batch, { requests: { ...nameless, requests: [...nameless.requests] } }),
    ).rejects.toMatchObject({
      issues: [{ path: ['input', 'requests', 'list', 1, 'customId'] }],
    });
    const run = await makeForeignBatch(service, letta, { texts: ['one', 'two'] });
    const [line = ''] = run.jsonl.split('\n');
    await expect(adopt(letta, { ...run, jsonl: `${line}\n${line}` })).rejects.toMatchObject({
      issues: [{ line: 2, message: expect.stringContaining('the same agent as line 1') }],
    });
  });

  it('is not a job’s that was sent from here, known to it or still being looked for; another organization’s is as absent', async () => {
    const { scope: stranger } = await service.addOrganization('stranger');
    const { id } = await makeBatch(services, stranger, { texts: ['private'] });
    await service.work();
    const known = await jobNow(services, id);
    const keys = [`${known.nonce}-0`];
    const lines = (text: string) => ({
      providerJobId: text,
      jsonl: JSON.stringify({ custom_id: keys[0], body: chatBody('private') }),
      keys,
    });
    const absent = await refusalOf(adopt(openai, lines('batch_of_nobody')));
    expect(absent).toMatchObject(unfit('NOT_THERE'));
    // Not its size either: the one that is meant has other requests, and more of them.
    for (const more of ['', `\n{"custom_id":"more","body":${JSON.stringify(chatBody('more'))}}`]) {
      const wish = lines(known.providerJobId ?? '');
      const refusal = await refusalOf(adopt(openai, { ...wish, jsonl: wish.jsonl + more }));
      expect(refusal).toEqual({ ...absent, providerJobId: known.providerJobId });
    }

    service.emulator('openai').faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });
    service.emulator('openai').faults.add({ operation: 'list', effect: { kind: 'drop' } });
    const { id: lost } = await makeBatch(services, scope, { texts: ['lost'] });
    await service.work();
    const looked = await jobNow(services, lost);
    expect(looked).toMatchObject({ status: 'UNKNOWN', providerJobId: null });
    const made = (await service.emulator('openai').batches()).at(-1);
    await expect(adopt(openai, lines(made?.id ?? ''))).rejects.toMatchObject(unfit('TAKEN', looked.id));
    await service.turn(60);
    expect(await batchNow(services, lost)).toMatchObject({ status: 'COMPLETED' });
  });

  it.each([
    ['is down', { kind: 'answer', status: 503, body: '{}' } as const, 'http_503'],
    ['cannot be reached', { kind: 'drop' } as const, 'connection_failed'],
    ['refuses our key', { kind: 'answer', status: 401, body: '{}' } as const, 'http_401'],
  ])('is left alone while its provider %s', async (_how, effect, providerCode) => {
    const batch = await makeForeignBatch(service, openai, { texts: ['one'] });
    service.emulator('openai').faults.add({ operation: 'retrieve', effect });
    await expect(adopt(openai, batch)).rejects.toMatchObject({ code: 'PROVIDER_CALL_FAILED', providerCode });
    expect(await adopt(openai, batch)).toMatchObject({ job: { providerJobId: batch.providerJobId } });
  });
});
