/** Jobs that their provider never ends: they end by themselves, with the reason, and what is there is kept. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deadlineOf } from '../../src/domain/deadline.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import type { Services } from '../../src/services.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, itemsNow, jobNow, makeBatch, workAt } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let emulator: Emulator;
beforeAll(async () => {
  service = await startTestService({
    SANDBOX_SECONDS: '30',
    GRACE_HOURS: '2',
    POLL_MAX_SECONDS: '3600',
  });
  services = service.app.services;
  emulator = service.emulator('openai');
  ({ scope } = await service.addOrganization('patient'));
});
afterEach(async () => {
  emulator.faults.clear();
  await expectInvariants(services.db);
});
afterAll(() => service.close());

const deadline = async (id: string): Promise<Date> =>
  deadlineOf(await jobNow(services, id), services.settings.graceSeconds)!;

/** Polls as it is due until that moment, and once after it. */
async function pollUntil(id: string, moment: Date): Promise<void> {
  while (service.clock.now() < moment) await workAt(service, (await jobNow(services, id)).dueAt);
}

const alwaysRefused = () =>
  emulator.faults.add({
    operation: '*',
    effect: { kind: 'answer', status: 401, body: '{"error":{"code":"invalid_api_key","message":"No."}}' },
    times: Number.POSITIVE_INFINITY,
  });

describe('A job whose provider never says that it is over', () => {
  const stuck = { texts: ['emulate:stuck emulate:unknown-status'] };
  const reason = /^The provider has not ended the job by 20\d\d-.*; its last word was /;

  it('is polled until its window and the grace have passed, then stopped there, and says why', async () => {
    const { id } = await makeBatch(services, scope, stuck);
    await service.work();
    await pollUntil(id, new Date((await deadline(id)).getTime() - 3_600_000));
    expect(await jobNow(services, id)).toMatchObject({ expiredAt: null, cancelRequestedAt: null });
    const before = callsOf(emulator.calls, 'cancel');
    await pollUntil(id, await deadline(id));
    await service.turn(60);
    expect(callsOf(emulator.calls, 'cancel') - before).toBe(1);
    const job = await jobNow(services, id);
    expect(job).toMatchObject({ status: 'CANCELLED', errorCode: 'deadline_passed', collected: true });
    expect(job.errorMessage).toMatch(reason);
    expect(await batchNow(services, id)).toMatchObject({
      status: 'FAILED',
      errorCode: 'deadline_passed',
      cancelled: 1,
    });
  });

  it('ends all the same where it cannot be stopped either, after as long again', async () => {
    const { id } = await makeBatch(services, scope, stuck);
    await service.work();
    const unwilling = { kind: 'answer', status: 500, body: '{}' } as const;
    emulator.faults.add({ operation: 'cancel', effect: unwilling, times: Number.POSITIVE_INFINITY });
    const last = new Date((await deadline(id)).getTime() + services.settings.graceSeconds * 1000);
    await pollUntil(id, await deadline(id));
    expect(await jobNow(services, id)).toMatchObject({ expiredAt: null });
    // It answers questions and goes on, whatever it was asked.
    emulator.faults.clear();
    emulator.faults.add({
      operation: 'cancel',
      effect: { kind: 'rewrite', rewrite: () => JSON.stringify(running) },
      times: Number.POSITIVE_INFINITY,
    });
    emulator.faults.add({
      operation: 'retrieve',
      effect: { kind: 'rewrite', rewrite: () => JSON.stringify(running) },
      times: Number.POSITIVE_INFINITY,
    });
    const { providerJobId } = await jobNow(services, id);
    const running = {
      id: providerJobId,
      object: 'batch',
      status: 'in_progress',
      input_file_id: 'f',
      created_at: 1,
    };
    await pollUntil(id, last);
    await service.work();
    const job = await jobNow(services, id);
    expect(job).toMatchObject({ status: 'EXPIRED', errorCode: 'deadline_passed', collected: true });
    expect(job.errorMessage).toMatch(reason);
    for (const item of await itemsNow(services, id)) {
      expect(item).toMatchObject({ status: 'EXPIRED', errorCode: 'deadline_passed', retryable: true });
    }
  });

  it('is logged once for its unknown word, however often it is polled', async () => {
    service.logged.length = 0;
    const { id } = await makeBatch(services, scope, { texts: ['emulate:stuck emulate:unknown-status'] });
    await service.work();
    const { submittedAt } = await jobNow(services, id);
    await pollUntil(id, new Date(submittedAt!.getTime() + 3_600_000));
    expect(service.logged.filter(({ msg }) => String(msg).includes('status word'))).toHaveLength(1);
    expect((await jobNow(services, id)).providerStatus).not.toBeNull();
  });
});

describe('A job whose provider refuses every question about it', () => {
  it('is asked as long as its results may be kept, far beyond its window, and only then given up', async () => {
    const { id } = await makeBatch(services, scope);
    await service.work();
    alwaysRefused();
    for (let failures = 0; failures < 25; failures += 1) {
      await workAt(service, (await jobNow(services, id)).dueAt);
      expect(await jobNow(services, id)).toMatchObject({ expiredAt: null, errorCode: 'invalid_api_key' });
    }
    await workAt(service, await deadline(id));
    expect(await jobNow(services, id)).toMatchObject({ expiredAt: null, errorCode: 'invalid_api_key' });
    service.clock.advance({ hours: 29 * 24 });
    await service.work();
    await workAt(service, (await jobNow(services, id)).dueAt);
    service.clock.advance({ hours: 24 });
    await service.work();
    for (let tries = 0; tries < 25; tries += 1) {
      const { dueAt } = await jobNow(services, id);
      if (dueAt !== null && dueAt > service.clock.now()) await workAt(service, dueAt);
    }
    expect(await jobNow(services, id)).toMatchObject({
      status: 'EXPIRED',
      errorCode: 'deadline_passed',
      collected: true,
    });
    const [item] = await itemsNow(services, id);
    expect(item?.errorMessage).toContain('invalid_api_key');
  });

  it('gives its results to the key that is put right after days, as if nothing had been', async () => {
    const { id } = await makeBatch(services, scope);
    await service.work();
    alwaysRefused();
    for (let failures = 0; failures < 25; failures += 1) {
      await workAt(service, (await jobNow(services, id)).dueAt);
    }
    service.clock.advance({ hours: 24 * 5 });
    await service.work();
    emulator.faults.clear();
    await service.turn(600, 60);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  });

  it('is not given up for one failure after a long silence: its results are waited for and kept', async () => {
    const { id } = await makeBatch(services, scope);
    await service.work();
    // Nobody worked for days, and the first call after that fails.
    service.clock.advance({ hours: 72 });
    emulator.faults.add({ operation: 'retrieve', effect: { kind: 'drop' } });
    await service.work();
    expect(await jobNow(services, id)).toMatchObject({ failures: 1, expiredAt: null, failedAt: null });
    await service.turn(60);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  });
});
