/** What is made of a provider's results, however they come: every item has one outcome, and every line its place. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventPages } from '../../src/db/queries/events.ts';
import { countStrays } from '../../src/db/queries/strays.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import type { Services } from '../../src/services.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, itemsNow, jobNow, makeBatch, workAt } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  ({ scope } = await service.addOrganization('collecting'));
});
afterEach(async () => {
  for (const emulator of service.app.emulators.values()) emulator.faults.clear();
  await expectInvariants(services.db);
});
afterAll(() => service.close());

const submitted = async (provider: string, texts: readonly string[]) => {
  const { id } = await makeBatch(services, scope, { provider, texts });
  await service.work();
  return id;
};
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `request ${index}`);

describe.each([
  ['openai', 'content'],
  ['anthropic', 'results'],
] as const)('Results of %s', (provider, reading) => {
  let emulator: Emulator;
  beforeAll(() => {
    emulator = service.emulator(provider);
  });

  it('that break off are kept as far as they came, and read on from there without counting one twice', async () => {
    const id = await submitted(provider, numbered(100));
    const before = emulator.calls.length;
    emulator.faults.add({ operation: reading, effect: { kind: 'tear', afterBytes: 20_000 } });
    await service.turn(10, 10);
    const torn = await jobNow(services, id);
    const { succeeded } = await batchNow(services, id);
    expect(torn).toMatchObject({ status: 'COMPLETED', collected: false, failures: 1 });
    expect(torn.cursor).not.toBeNull();
    expect(succeeded).toBeGreaterThan(10);
    expect(succeeded).toBeLessThan(100);
    await expectInvariants(services.db);
    await workAt(service, torn.dueAt);
    expect(callsOf(emulator.calls.slice(before), reading)).toBe(2);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 100, errored: 0 });
    expect(await jobNow(services, id)).toMatchObject({ collected: true, failures: 0, errorCode: null });
    expect(await strays(id)).toBe(0);
    expect(await linesRead(id)).toBe(100);
  });

  it('that come doubled, torn, for nobody, or not at all give each item one outcome and each line a place', async () => {
    const directives = ['', 'doubled', 'missing', 'malformed', 'foreign', 'errored', 'overloaded'];
    const texts = directives.map((word) => (word === '' ? 'plain' : `emulate:${word}`));
    const id = await submitted(provider, texts);
    await service.turn(60, 10);
    const items = await itemsNow(services, id);
    const outcomes = Object.fromEntries(
      items.map(({ status, errorCode, retryable }, index) => [
        directives[index],
        [status, errorCode, retryable],
      ]),
    );
    const busy = provider === 'openai' ? 'server_overloaded' : 'overloaded_error';
    expect(outcomes).toEqual({
      '': ['SUCCEEDED', null, null],
      doubled: ['SUCCEEDED', null, null],
      missing: ['ERRORED', 'missing_result', true],
      malformed: ['ERRORED', 'malformed_result', true],
      foreign: ['SUCCEEDED', null, null],
      errored: ['ERRORED', 'invalid_request_error', false],
      overloaded: ['ERRORED', busy, true],
    });
    expect(await batchNow(services, id)).toMatchObject({
      status: 'COMPLETED',
      total: 7,
      succeeded: 3,
      errored: 4,
    });
    expect(await strays(id)).toBe(1);
  });

  it('of a job that expired half-way are kept, and the rest is expired and may be tried again', async () => {
    const id = await submitted(provider, ['emulate:job-expired', 'two', 'three', 'four']);
    await service.turn(20, 10);
    const statuses = (await itemsNow(services, id)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual(['EXPIRED', 'EXPIRED', 'SUCCEEDED', 'SUCCEEDED']);
    expect(await jobNow(services, id)).toMatchObject({ status: 'EXPIRED', expiredAt: expect.any(Date) });
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2, expired: 2 });
  });

  it('that cannot be read are asked for more and more slowly, and taken when they can', async () => {
    const id = await submitted(provider, numbered(2));
    emulator.faults.add({ operation: reading, effect: { kind: 'answer', status: 500 }, times: 5 });
    await service.turn(20, 20);
    for (let failures = 1; failures <= 5; failures += 1) {
      const job = await jobNow(services, id);
      expect(job).toMatchObject({ collected: false, failures });
      const pause = ((job.dueAt?.getTime() ?? 0) - service.clock.now().getTime()) / 1000;
      expect(pause).toBeGreaterThanOrEqual(0.9 * 2 ** (failures - 1));
      expect(pause).toBeLessThanOrEqual(1.1 * 2 ** (failures - 1));
      await workAt(service, job.dueAt);
    }
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  });

  it('of a job that the provider does not know yet, right after it made it, are waited for', async () => {
    const id = await submitted(provider, numbered(2));
    const { status } = await jobNow(services, id);
    emulator.faults.add({ operation: 'retrieve', effect: { kind: 'answer', status: 404 } });
    await service.turn(2, 2);
    expect(await jobNow(services, id)).toMatchObject({ status, failures: 1, errorCode: 'http_404' });
    expect((await batchNow(services, id)).errorCode).toBeNull();
    await service.turn(20, 10);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(await jobNow(services, id)).toMatchObject({ failures: 0, errorCode: null });
  });

  it('under a status that nobody knows change nothing until a known one comes', async () => {
    const id = await submitted(provider, ['emulate:unknown-status', 'two']);
    await service.turn(3, 3);
    const word = provider === 'openai' ? 'reticulating' : 'daydreaming';
    expect(await jobNow(services, id)).toMatchObject({ providerStatus: word, collected: false });
    expect(await batchNow(services, id)).toMatchObject({ submitted: 2 });
    await service.turn(20, 10);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  });
});

describe('A batch object of OpenAI', () => {
  /** Changes what the next answers say about a batch. */
  const say = (members: Record<string, unknown>, times: number) =>
    service.emulator('openai').faults.add({
      operation: 'retrieve',
      effect: { kind: 'rewrite', rewrite: (body) => JSON.stringify({ ...JSON.parse(body), ...members }) },
      times,
    });

  it('that is completed and does not name its results yet is asked again until it does', async () => {
    const id = await submitted('openai', numbered(2));
    say({ output_file_id: null }, 3);
    await service.turn(30, 30);
    expect(await jobNow(services, id)).toMatchObject({ status: 'COMPLETED', collected: false });
    expect(await batchNow(services, id)).toMatchObject({ status: 'FINALIZING', submitted: 2 });
    await service.turn(60, 30);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  });

  it('that never names results makes every request a missing_result after ten minutes, not before', async () => {
    const id = await submitted('openai', numbered(2));
    say({ output_file_id: null }, Number.POSITIVE_INFINITY);
    await service.turn(10, 10);
    const { completedAt } = await jobNow(services, id);
    const left = 600 - (service.clock.now().getTime() - (completedAt?.getTime() ?? 0)) / 1000;
    await service.turn(left - 1, 60);
    expect((await batchNow(services, id)).status).toBe('FINALIZING');
    await service.turn(31, 31);
    expect(await batchNow(services, id)).toMatchObject({ status: 'FAILED', errored: 2 });
    const [item] = await itemsNow(services, id);
    expect(item).toMatchObject({ status: 'ERRORED', errorCode: 'missing_result', retryable: true });
  });

  it('that goes back from completed to running costs no result', async () => {
    const id = await submitted('openai', numbered(2));
    await service.turn(2, 2);
    say({ status: 'completed', output_file_id: 'file-output-of-nobody' }, 1);
    say({ status: 'in_progress', output_file_id: null, request_counts: null }, 1);
    await service.turn(2, 2);
    expect(await jobNow(services, id)).toMatchObject({ status: 'COMPLETED', providerStatus: 'in_progress' });
    expect(await batchNow(services, id)).toMatchObject({ submitted: 2 });
    await service.turn(60, 30);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  });

  it('that goes back from running to validating leaves job and batch running', async () => {
    const id = await submitted('openai', numbered(2));
    await service.turn(2, 2);
    expect((await batchNow(services, id)).status).toBe('IN_PROGRESS');
    say({ status: 'validating' }, 1);
    await service.turn(2, 2);
    expect(await jobNow(services, id)).toMatchObject({ status: 'RUNNING', providerStatus: 'validating' });
    expect((await batchNow(services, id)).status).toBe('IN_PROGRESS');
    await service.turn(20, 10);
  });

  it('whose results the provider has deleted makes every request results_expired, and the batch ends', async () => {
    const id = await submitted('openai', numbered(2));
    service.emulator('openai').faults.add({ operation: 'content', effect: { kind: 'answer', status: 404 } });
    await service.turn(20, 20);
    expect(await batchNow(services, id)).toMatchObject({ status: 'FAILED', errored: 2 });
    const [item] = await itemsNow(services, id);
    expect(item).toMatchObject({ errorCode: 'results_expired', retryable: true });
  });

  it('that is refused with a word that Postgres cannot hold is asked again like any other', async () => {
    const id = await submitted('openai', numbered(2));
    const body = JSON.stringify({ error: { code: 'odd\0word', message: 'odd\0message\ud800' } });
    service.emulator('openai').faults.add({
      operation: 'retrieve',
      effect: { kind: 'answer', status: 400, body },
    });
    await service.turn(2, 2);
    expect(await jobNow(services, id)).toMatchObject({
      failures: 1,
      errorCode: 'odd\ufffdword',
      errorMessage: 'odd\ufffdmessage\ufffd',
    });
    await service.turn(20, 10);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  });
});

async function strays(batchId: string): Promise<number> {
  const { id } = await jobNow(services, batchId);
  return (await services.db.read((q) => countStrays(workerScope, q, [id]))).get(id) ?? 0;
}

/** How many result lines the batch's events tell of, over all readings. */
async function linesRead(batchId: string): Promise<number> {
  const page = { limit: 1000, order: 'ascending', beyond: null } as const;
  const events = await services.db.read((q) => eventPages(workerScope, q, [batchId], page));
  return events.reduce((sum, { data }) => sum + Number(data['lines'] ?? 0), 0);
}
