/**
 * The submission protocol where the provider's answer does not arrive: whatever happens on the wire, a job has
 * exactly one batch at its provider in the end, and is never sent a second time on a guess.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import type { FaultEffect } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Provider } from '../../src/providers/provider.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { countFaults } from '../support/tally.ts';
import { batchNow, callsOf, jobNow, makeBatch, withProvider, workAt } from '../support/verbs.ts';

countFaults();

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  ({ scope } = await service.addOrganization('submitting'));
});
afterEach(async () => {
  await expectInvariants(services.db);
  // The next test must not find this one's batches by time and number.
  service.clock.advance({ hours: 1 });
  await service.work();
});
afterAll(() => service.close());

/** A batch, its one job's first submission hit by `effect`, and how many calls and batches there were before. */
async function submitThrough(provider: Provider, effect: FaultEffect, operation = 'create') {
  const emulator = service.emulator(provider.name);
  const before = { batches: (await emulator.batches()).length, creates: callsOf(emulator.calls, 'create') };
  emulator.faults.add({ operation, effect });
  const { id } = await makeBatch(services, scope, { provider: provider.name });
  await service.work();
  return {
    id,
    creates: () => callsOf(emulator.calls, 'create') - before.creates,
    batches: async () => (await emulator.batches()).slice(before.batches),
  };
}

/** A place on this machine where nobody listens. */
async function closedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

async function completes(id: string): Promise<void> {
  await service.turn(40, 10);
  expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
}

describe.each([openai, anthropic])('With $title', (provider) => {
  const graceSeconds = 600 + 60 + provider.capabilities.listDelaySeconds;

  it('an answer that is lost after the batch was made leads to its adoption, and to no second call', async () => {
    const { id, creates, batches } = await submitThrough(provider, { kind: 'accept-and-drop' });
    const [made, ...others] = await batches();
    expect(others).toEqual([]);
    expect(await jobNow(services, id)).toMatchObject({
      providerJobId: made?.id,
      evidence: { lostAnswer: 'answer_lost', proof: provider.capabilities.recovery },
    });
    await completes(id);
    expect(creates()).toBe(1);
    expect(await batches()).toHaveLength(1);
  });

  it('a lost call is sent again only when nothing can appear any more, and then once', async () => {
    const { id, creates, batches } = await submitThrough(provider, { kind: 'drop' });
    expect(await jobNow(services, id)).toMatchObject({
      status: 'UNKNOWN',
      providerJobId: null,
      evidence: { lostAnswer: 'answer_lost', sightings: [] },
    });
    expect(await batchNow(services, id)).toMatchObject({ pending: 0, submitted: 2, submittedAt: null });
    await service.turn(graceSeconds - 1, 90);
    expect(await jobNow(services, id)).toMatchObject({ status: 'UNKNOWN' });
    expect(creates()).toBe(1);
    await service.turn(1, 1);
    expect(creates()).toBe(2);
    expect(await batches()).toHaveLength(1);
    await completes(id);
    expect(creates()).toBe(2);
  });

  it('an answer of 500 is looked up like a lost one', async () => {
    const { id, creates, batches } = await submitThrough(provider, { kind: 'answer', status: 500 });
    expect(await jobNow(services, id)).toMatchObject({
      status: 'UNKNOWN',
      evidence: { lostAnswer: 'http_500' },
    });
    await service.turn(graceSeconds - 1, 90);
    expect(creates()).toBe(1);
    await service.turn(1, 1);
    expect([creates(), (await batches()).length]).toEqual([2, 1]);
    await completes(id);
  });

  it('an answer that cannot be read is looked up, and the batch behind it adopted', async () => {
    const { id, creates, batches } = await submitThrough(provider, {
      kind: 'rewrite',
      rewrite: () => '<html>Welcome</html>',
    });
    const [made] = await batches();
    expect(await jobNow(services, id)).toMatchObject({
      providerJobId: made?.id,
      evidence: { lostAnswer: 'unreadable_answer' },
    });
    await completes(id);
    expect(creates()).toBe(1);
  });

  it('a batch that is found in a state that nobody knows is the job’s all the same, and is asked again', async () => {
    const rewrite = (body: string) => body.replace(/"(\w*status)":\s*"\w+"/, '"$1":"pondering"');
    service
      .emulator(provider.name)
      .faults.add({ operation: 'retrieve', effect: { kind: 'rewrite', rewrite } });
    const { id, creates, batches } = await submitThrough(provider, { kind: 'accept-and-drop' });
    const [made] = await batches();
    expect(await jobNow(services, id)).toMatchObject({ status: 'PENDING', providerJobId: made?.id });
    await expectInvariants(services.db);
    await completes(id);
    expect(creates()).toBe(1);
  });

  it('429 waits exactly until Retry-After, and is then sent once', async () => {
    const start = service.clock.now();
    const { id, creates, batches } = await submitThrough(provider, {
      kind: 'answer',
      status: 429,
      headers: { 'retry-after': '137' },
    });
    expect(await jobNow(services, id)).toMatchObject({
      status: 'CREATED',
      dueAt: new Date(start.getTime() + 137_000),
      failures: 1,
    });
    expect(await batchNow(services, id)).toMatchObject({ status: 'SUBMITTED', pending: 2, submitted: 0 });
    await service.turn(136, 68);
    expect(creates()).toBe(1);
    await service.turn(1, 1);
    expect([creates(), (await batches()).length]).toEqual([2, 1]);
    await completes(id);
    expect(await jobNow(services, id)).toMatchObject({ failures: 0, errorCode: null, errorMessage: null });
  });

  it('429 with a Retry-After of a day is not taken at its word: an hour later it is sent', async () => {
    const start = service.clock.now();
    const { id, creates } = await submitThrough(provider, {
      kind: 'answer',
      status: 429,
      headers: { 'retry-after': '86400' },
    });
    expect((await jobNow(services, id)).dueAt).toEqual(new Date(start.getTime() + 3_600_000));
    await service.turn(3600, 1800);
    expect(creates()).toBe(2);
    await completes(id);
  });

  it('a provider that cannot be reached leaves the job waiting, and gets it when it is back', async () => {
    const away = withProvider(service, provider, { baseUrl: await closedPort(), apiKey: 'key' });
    const { id } = await makeBatch(away, scope, { provider: provider.name });
    const before = (await service.emulator(provider.name).batches()).length;
    for (const failures of [1, 2, 3]) {
      await workOnce(away, service.app.databaseUrl);
      const job = await jobNow(services, id);
      expect(job).toMatchObject({ status: 'CREATED', failures, errorCode: 'connection_failed' });
      service.clock.advance({ seconds: 2 ** failures });
    }
    expect(await batchNow(services, id)).toMatchObject({ status: 'SUBMITTED', pending: 2 });
    await workAt(service, (await jobNow(services, id)).dueAt);
    expect((await service.emulator(provider.name).batches()).length).toBe(before + 1);
    await completes(id);
  });
});

describe('The two calls of a submission to OpenAI', () => {
  it('send the file once, when only the call that makes the batch has to be repeated', async () => {
    const { calls } = service.emulator('openai');
    const before = callsOf(calls, 'upload');
    const { id } = await submitThrough(openai, { kind: 'drop' });
    expect(await jobNow(services, id)).toMatchObject({ checkpoint: { inputFileId: expect.any(String) } });
    await service.turn(720, 120);
    await completes(id);
    expect(callsOf(calls, 'upload') - before).toBe(1);
  });

  it('find the file again that was sent when the answer to it is lost', async () => {
    const { calls } = service.emulator('openai');
    const before = callsOf(calls, 'upload');
    const { id, creates } = await submitThrough(openai, { kind: 'accept-and-drop' }, 'upload');
    expect(await jobNow(services, id)).toMatchObject({ status: 'CREATED', errorCode: 'answer_lost' });
    await workAt(service, (await jobNow(services, id)).dueAt);
    await completes(id);
    expect([callsOf(calls, 'upload') - before, creates()]).toEqual([1, 1]);
  });
});
