/**
 * What can be wrong with a job at any provider, and what becomes of its requests: the job ends with the reason, every
 * request has an outcome, nothing is tried for ever, and a bad line is one bad request.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { sandboxKey } from '../../src/first-keys.ts';
import { providers } from '../../src/providers/registry.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { countFaults } from '../support/tally.ts';
import { batchNow, itemsNow, jobNow, makeBatch, withProvider } from '../support/verbs.ts';

countFaults();

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '10' });
  services = service.app.services;
  ({ scope } = await service.addOrganization('troubled'));
});
afterEach(async () => {
  for (const { name } of providers) service.emulator(name).faults.clear();
  await expectInvariants(services.db);
});
afterAll(() => service.close());

const named = providers.map((provider) => [provider.name, provider] as const);

describe.each(named)('A job for %s', (name, provider) => {
  /** As few requests as a job may have and some more; the first with these texts. */
  const texts = (...first: string[]): string[] =>
    Array.from(
      { length: provider.limits.requestsMin + 5 },
      (_, index) => first[index] ?? `question ${index}`,
    );
  const emulator = () => service.emulator(name);
  const creations = (): number =>
    emulator().calls.filter(({ operation }) => operation === emulator().operations.create).length;

  it('whose credentials are refused fails at once with the reason, and is not sent again', async () => {
    const { id } = await makeBatch(services, scope, { provider: name, texts: texts() });
    const refused = withProvider(service, provider, emulator().stranger);
    await workOnce(refused, service.app.databaseUrl);
    const job = await jobNow(services, id);
    expect(job).toMatchObject({ status: 'FAILED', providerJobId: null, collected: true });
    expect(job.errorMessage).toMatch(/\S/);
    const calls = emulator().calls.length;
    await service.turn(3_600, 600);
    expect(emulator().calls).toHaveLength(calls);
    for (const item of await itemsNow(services, id)) {
      expect(item).toMatchObject({ status: 'ERRORED', errorCode: job.errorCode, retryable: false });
    }
    expect(JSON.stringify([job, service.logged])).not.toContain(emulator().stranger.apiKey + sandboxKey);
  });

  it.each([
    [402, 'because nothing is left to pay it with'],
    [413, 'because it is too large'],
  ])('that is refused with %i %s fails with the reason, for good', async (status) => {
    emulator().faults.add({
      operation: emulator().operations.create,
      effect: { kind: 'answer', status, body: '{}' },
    });
    const { id } = await makeBatch(services, scope, { provider: name, texts: texts() });
    const before = creations();
    await service.work();
    await service.turn(600, 60);
    expect(await jobNow(services, id)).toMatchObject({
      status: 'FAILED',
      errorCode: expect.stringMatching(/\S/),
    });
    expect(await batchNow(services, id)).toMatchObject({ status: 'FAILED', errored: texts().length });
    expect(creations() - before).toBe(1);
  });

  it('that is told to wait waits as long as it is told, and is then sent once', async () => {
    emulator().faults.add({
      operation: emulator().operations.create,
      effect: { kind: 'answer', status: 429, headers: { 'retry-after': '120' }, body: '{}' },
    });
    const { id } = await makeBatch(services, scope, { provider: name, texts: texts() });
    const before = creations();
    await service.work();
    await service.turn(110, 10);
    expect(creations() - before).toBe(1);
    expect(await jobNow(services, id)).toMatchObject({ status: 'CREATED', failures: 1 });
    await service.turn(120, 5);
    expect(creations() - before).toBe(2);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: texts().length });
  });

  it('that fails as a whole after it was taken leaves no request without an outcome and a reason', async () => {
    const { id } = await makeBatch(services, scope, { provider: name, texts: texts('emulate:job-failed') });
    await service.work();
    await service.turn(60);
    const batch = await batchNow(services, id);
    expect(batch).toMatchObject({ status: 'FAILED', errored: texts().length, submitted: 0, pending: 0 });
    for (const item of await itemsNow(services, id)) {
      expect(item).toMatchObject({ status: 'ERRORED', errorCode: expect.stringMatching(/\S/) });
      expect(item.errorMessage ?? '').toMatch(/\S/);
    }
  });

  it('of whose lines one is missing, one doubled, one torn and one foreign loses nothing else', async () => {
    const directives = ['emulate:missing', 'emulate:doubled', 'emulate:malformed', 'emulate:foreign'];
    const { id } = await makeBatch(services, scope, { provider: name, texts: texts(...directives) });
    await service.work();
    await service.turn(60);
    const items = await itemsNow(services, id);
    expect(items.map(({ status }) => status)).toEqual([
      'ERRORED',
      'SUCCEEDED',
      'ERRORED',
      ...texts()
        .slice(3)
        .map(() => 'SUCCEEDED'),
    ]);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', errored: 2 });
    const [doubled] = items.slice(1);
    expect(doubled?.attempt).toBe(1);
  });

  it('whose results are not kept any more says so of every request', async () => {
    emulator().faults.add({
      operation: emulator().operations.results,
      effect: { kind: 'answer', status: 410, body: '{}' },
      times: Number.POSITIVE_INFINITY,
    });
    const { id } = await makeBatch(services, scope, { provider: name, texts: texts() });
    await service.work();
    await service.turn(60);
    expect(await jobNow(services, id)).toMatchObject({ status: 'COMPLETED', collected: true });
    for (const item of await itemsNow(services, id)) {
      expect(item).toMatchObject({ status: 'ERRORED', errorCode: 'results_expired', retryable: true });
    }
  });
});
