/** Jobs that their provider never ends: they end by themselves, with the reason, and what is there is kept. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deadlineOf } from '../../src/domain/deadline.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { openProviderAccess } from '../../src/providers/access.ts';
import type { Emulator, FaultEffect } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Services } from '../../src/services.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, itemsNow, jobNow, makeBatch, workAt, workNext } from '../support/verbs.ts';

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

/** Changes what an answer says about a batch. */
const saying = (members: Record<string, unknown>) => (body: string) =>
  JSON.stringify({ ...JSON.parse(body), ...members });

/** Works whenever something is due, until so many calls in a row have failed. */
async function failTimes(by: Services, id: string, times: number): Promise<void> {
  while ((await jobNow(by, id)).failures < times && (await workNext(by, service.clock, id)));
}

/** Lets the time pass, and does what is due then. */
async function workAfter(by: Services, id: string, hours: number): Promise<void> {
  service.clock.advance({ hours });
  await workNext(by, service.clock, id);
}

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
      // Its provider may still be at it: whether to send it again, and perhaps pay twice, is for a person to say.
      expect(item).toMatchObject({ status: 'EXPIRED', errorCode: 'deadline_passed', retryable: null });
    }
  });

  it('is stopped there too where it prepares results for ever', async () => {
    const { id } = await makeBatch(services, scope, { texts: ['one', 'two'] });
    await service.work();
    emulator.faults.add({
      operation: 'retrieve',
      effect: { kind: 'rewrite', rewrite: saying({ status: 'finalizing', output_file_id: null }) },
      times: Number.POSITIVE_INFINITY,
    });
    await pollUntil(id, await deadline(id));
    await service.work();
    expect(await jobNow(services, id)).toMatchObject({ cancelRequestedAt: expect.any(Date) });
    emulator.faults.clear();
    while (await workNext(services, service.clock, id));
    // It had finished all the same, and what is done is kept.
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  });

  it('is not waited for for ever where it takes back that it was over', async () => {
    const { id } = await makeBatch(services, scope, { texts: ['one', 'two'] });
    await service.work();
    emulator.faults.add({
      operation: 'retrieve',
      effect: { kind: 'rewrite', rewrite: saying({ status: 'completed', output_file_id: 'file-of-nobody' }) },
    });
    emulator.faults.add({
      operation: 'retrieve',
      effect: { kind: 'rewrite', rewrite: saying({ status: 'in_progress', output_file_id: null }) },
      times: Number.POSITIVE_INFINITY,
    });
    await service.turn(10, 10);
    expect(await jobNow(services, id)).toMatchObject({ status: 'COMPLETED', collected: false });
    const end = await deadline(id);
    service.clock.advance({ seconds: (end.getTime() - service.clock.now().getTime()) / 1000 - 60 });
    await service.work();
    expect((await batchNow(services, id)).status).toBe('FINALIZING');
    await service.turn(120, 60);
    expect(await batchNow(services, id)).toMatchObject({ status: 'FAILED', errored: 2 });
    const [item] = await itemsNow(services, id);
    expect(item).toMatchObject({ errorCode: 'missing_result' });
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

describe('A job that its provider never takes', () => {
  const throttled = { kind: 'answer', status: 429, headers: { 'retry-after': '60' }, body: '{}' } as const;
  const never = (by: Emulator, operation: string, effect: FaultEffect) =>
    by.faults.add({ operation, effect, times: Number.POSITIVE_INFINITY });

  it('is tried until its window and the grace have passed since it was planned, then ends and says why', async () => {
    const before = callsOf(emulator.calls, 'create');
    never(emulator, 'create', throttled);
    const { id } = await makeBatch(services, scope);
    await failTimes(services, id, 25);
    await workAfter(services, id, 24);
    expect(await jobNow(services, id)).toMatchObject({ status: 'CREATED', expiredAt: null });
    await workAfter(services, id, 2);
    expect(await jobNow(services, id)).toMatchObject({ status: 'EXPIRED', errorCode: 'deadline_passed' });
    await workNext(services, service.clock, id);
    const job = await jobNow(services, id);
    expect(job).toMatchObject({ collected: true, providerJobId: null, submittedAt: null });
    expect(job.errorMessage).toMatch(/^The job could not be sent by 20\d\d-.*: .*\(http_429\)$/);
    expect(await batchNow(services, id)).toMatchObject({ status: 'EXPIRED', expired: 2, submitted: 0 });
    for (const item of await itemsNow(services, id)) {
      expect(item).toMatchObject({ status: 'EXPIRED', errorCode: 'deadline_passed', retryable: true });
    }
    expect(callsOf(emulator.calls, 'create') - before).toBeGreaterThan(20);
  });

  it('is tried however late where nobody tried before: a service that was down sends what it holds', async () => {
    const { id } = await makeBatch(services, scope);
    service.clock.advance({ hours: 24 * 10 });
    await service.work();
    await service.turn(120, 60);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  });

  it('ends in the same way where nobody gives the provider a key, and needs none for that', async () => {
    const { id } = await makeBatch(services, scope);
    const keyless: Services = {
      ...services,
      providers: openProviderAccess(new Map([[openai, { mode: 'UNCONFIGURED' }]]), services),
    };
    await failTimes(keyless, id, 20);
    expect(await jobNow(services, id)).toMatchObject({
      status: 'CREATED',
      errorCode: 'provider_not_configured',
    });
    await workAfter(keyless, id, 26);
    await workNext(keyless, service.clock, id);
    expect(await batchNow(services, id)).toMatchObject({ status: 'EXPIRED', expired: 2 });
    const [item] = await itemsNow(services, id);
    expect(item?.errorMessage).toContain('provider_not_configured');
  });

  it('is stopped where it was begun there and lacks requests: nothing of it runs on', async () => {
    const xai = service.emulator('xai');
    never(xai, 'add', throttled);
    const { id } = await makeBatch(services, scope, { provider: 'xai' });
    await failTimes(services, id, 20);
    await workAfter(services, id, 26);
    expect(await jobNow(services, id)).toMatchObject({ status: 'UNKNOWN' });
    xai.faults.clear();
    while (await workNext(services, service.clock, id));
    expect(await batchNow(services, id)).toMatchObject({ status: 'EXPIRED', expired: 2 });
    const [begun, ...others] = await xai.batches();
    expect(others).toEqual([]);
    expect(await jobNow(services, id)).toMatchObject({ status: 'CANCELLED', providerJobId: begun?.id });
  });
});

describe('A job that was perhaps sent', () => {
  const lost = async () => {
    emulator.faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });
    emulator.faults.add({
      operation: 'list',
      effect: { kind: 'answer', status: 503, body: '{}' },
      times: Number.POSITIVE_INFINITY,
    });
    const { id } = await makeBatch(services, scope);
    await service.work();
    expect((await jobNow(services, id)).status).toBe('UNKNOWN');
    return id;
  };

  it('is looked for as long as its results may be kept, then ends and says what was in the way; nothing is sent again', async () => {
    const id = await lost();
    const before = callsOf(emulator.calls, 'create');
    await failTimes(services, id, 25);
    await workAfter(services, id, 29 * 24);
    expect(await jobNow(services, id)).toMatchObject({ status: 'UNKNOWN', expiredAt: null });
    await workAfter(services, id, 24);
    await workNext(services, service.clock, id);
    const job = await jobNow(services, id);
    expect(job).toMatchObject({ status: 'EXPIRED', errorCode: 'deadline_passed', collected: true });
    expect(job.errorMessage).toMatch(
      /^It could not be found out whether the job was sent by 20\d\d-.*http_503/,
    );
    expect(callsOf(emulator.calls, 'create')).toBe(before);
  });

  it('is found and paid work kept, when its provider can be asked again after days', async () => {
    const id = await lost();
    await failTimes(services, id, 25);
    await workAfter(services, id, 24 * 5);
    emulator.faults.clear();
    while (await workNext(services, service.clock, id));
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  });

  it('and fits a batch that never ends is handed to a person, who is told which; it is neither stopped nor sent', async () => {
    const anthropic = service.emulator('anthropic');
    anthropic.faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });
    const { id } = await makeBatch(services, scope, {
      provider: 'anthropic',
      texts: ['emulate:stuck', 'two'],
    });
    await service.work();
    await workNext(services, service.clock, id);
    const adopted = await jobNow(services, id);
    expect(adopted).toMatchObject({ status: 'RUNNING', evidence: { proof: 'PROVISIONAL' } });
    anthropic.faults.add({
      operation: 'retrieve',
      effect: {
        kind: 'rewrite',
        rewrite: saying({ processing_status: 'in_progress', ended_at: null, results_url: null }),
      },
      times: Number.POSITIVE_INFINITY,
    });
    await pollUntil(id, await deadline(id));
    await workNext(services, service.clock, id);
    anthropic.faults.clear();
    expect(await jobNow(services, id)).toMatchObject({
      status: 'UNKNOWN',
      dueAt: null,
      providerJobId: null,
      evidence: { needsPerson: 'ambiguous', fits: adopted.providerJobId },
    });
    expect(callsOf(anthropic.calls, 'create')).toBe(1);
    expect(callsOf(anthropic.calls, 'cancel')).toBe(0);
  });
});
