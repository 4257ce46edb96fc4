/** Providers that do not know any more what they said: a job that is gone, results in another order, another account. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { closeDueBatch } from '../../src/batches/close-due.ts';
import { lockBatch } from '../../src/db/queries/batches.ts';
import { eventPages } from '../../src/db/queries/events.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import { openProviderAccess } from '../../src/providers/access.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, itemsNow, jobNow, makeBatch, workAt } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let emulator: Emulator;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  emulator = service.emulator('openai');
  ({ scope } = await service.addOrganization('forgetful'));
});
afterEach(async () => {
  emulator.faults.clear();
  await expectInvariants(services.db);
});
afterAll(() => service.close());

describe('A job that its provider does not know any more', () => {
  it('is asked for twenty times, ever more slowly, and then given up with a reason of its own', async () => {
    const { id } = await makeBatch(services, scope);
    await service.work();
    emulator.faults.add({
      operation: 'retrieve',
      // Its last words, too, are of a kind that Postgres cannot hold.
      effect: { kind: 'answer', status: 404, body: '{"error":{"code":null,"message":"gone\\u0000\\ud800"}}' },
      times: Number.POSITIVE_INFINITY,
    });
    for (let failures = 1; failures < 20; failures += 1) {
      await workAt(service, (await jobNow(services, id)).dueAt);
      expect(await batchNow(services, id)).toMatchObject({ submitted: 2, errored: 0 });
    }
    await workAt(service, (await jobNow(services, id)).dueAt);
    expect(await jobNow(services, id)).toMatchObject({
      status: 'FAILED',
      errorCode: 'provider_lost_job',
      collected: true,
    });
    expect(await batchNow(services, id)).toMatchObject({ status: 'FAILED', errored: 2 });
    for (const item of await itemsNow(services, id)) {
      expect(item).toMatchObject({ status: 'ERRORED', errorCode: 'provider_lost_job' });
    }
  });
});

describe('A job that its provider has lost', () => {
  it('stays lost, whatever else goes wrong while that is written down', async () => {
    const { id } = await makeBatch(services, scope);
    await service.work();
    const gone = { kind: 'answer', status: 404 } as const;
    emulator.faults.add({ operation: 'retrieve', effect: gone, times: 20 });
    emulator.faults.add({ operation: 'retrieve', effect: { kind: 'answer', status: 503 } });
    emulator.faults.add({ operation: 'retrieve', effect: gone, times: Number.POSITIVE_INFINITY });
    for (let calls = 0; calls < 22; calls += 1) {
      const { dueAt } = await jobNow(services, id);
      if (dueAt !== null) await workAt(service, dueAt);
    }
    expect(await jobNow(services, id)).toMatchObject({
      status: 'FAILED',
      errorCode: 'provider_lost_job',
      collected: true,
    });
    for (const item of await itemsNow(services, id))
      expect(item).toMatchObject({ errorCode: 'provider_lost_job' });
  });
});

describe('Results that come in another order after they broke off', () => {
  it('are read once more from the start where the cursor skipped any, and none is called missing', async () => {
    const texts = Array.from({ length: 60 }, (_, index) => `request ${index}`);
    const { id } = await makeBatch(services, scope, { texts });
    await service.work();
    const before = callsOf(emulator.calls, 'content');
    emulator.faults.add({ operation: 'content', effect: { kind: 'tear', afterBytes: 15_000 } });
    emulator.faults.add({
      operation: 'content',
      effect: {
        kind: 'rewrite',
        rewrite: (body) => `${body.trimEnd().split('\n').toReversed().join('\n')}\n`,
      },
      times: 2,
    });
    await service.turn(10, 10);
    await service.turn(10, 5);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 60, errored: 0 });
    expect(callsOf(emulator.calls, 'content') - before).toBe(3);
  });
});

describe('A job whose answer was lost, when the provider is reached with another key', () => {
  it('waits and says so; it is neither looked for nor sent in the other account', async () => {
    const accounts = await Promise.all([1, 2].map(() => openai.emulate({ clock: service.clock })));
    const [first, second] = accounts.map(
      (account): Services => ({
        ...services,
        providers: openProviderAccess(new Map([[openai, { mode: 'LIVE', connection: account }]]), services),
      }),
    );
    const [own, others] = accounts;
    if (first === undefined || second === undefined || own === undefined || others === undefined) {
      throw new Error('two accounts were made');
    }
    const work = (by: Services) => workOnce(by, service.app.databaseUrl);
    own.faults.add({ operation: 'create', effect: { kind: 'accept-and-drop' } });
    own.faults.add({ operation: 'list', effect: { kind: 'drop' } });
    const { id } = await makeBatch(first, scope);
    await work(first);
    expect((await jobNow(services, id)).status).toBe('UNKNOWN');

    for (let round = 0; round < 4; round += 1) {
      service.clock.advance({ minutes: 10 });
      await work(second);
      expect(await jobNow(services, id)).toMatchObject({
        status: 'UNKNOWN',
        errorCode: 'credential_changed',
        dueAt: new Date(service.clock.now().getTime() + 5 * 60_000),
      });
    }
    expect(others.calls).toEqual([]);

    for (let round = 0; round < 3; round += 1) {
      service.clock.advance({ minutes: 5 });
      await work(first);
    }
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(callsOf(own.calls, 'create')).toBe(1);
    await Promise.all(accounts.map((account) => account.close()));
  });
});

describe('A timer that runs out', () => {
  const timer = { kind: 'WHEN', requests: null, bytes: null, seconds: 60 } as const;

  it('while the provider has no credentials here leaves the batch open, says so, and tries again', async () => {
    const { id } = await makeBatch(services, scope, { submit: timer });
    const without: Services = {
      ...services,
      providers: openProviderAccess(new Map([[openai, { mode: 'UNCONFIGURED' }]]), services),
    };
    service.clock.advance({ seconds: 60 });
    await workOnce(without, service.app.databaseUrl);
    expect(await batchNow(services, id)).toMatchObject({
      status: 'ACCUMULATING',
      errorCode: 'provider_not_configured',
      dueAt: new Date(service.clock.now().getTime() + 5 * 60_000),
    });
    const page = { limit: 1, order: 'descending', beyond: null } as const;
    const [newest] = await services.db.read((q) => eventPages(workerScope, q, [id], page));
    expect(newest?.kind).toBe('CLOSE_FAILED');
    await service.turn(300, 300);
    expect(await batchNow(services, id)).toMatchObject({ errorCode: null, closedAt: service.clock.now() });
  });

  it('while somebody is at the batch does not wait for them, and closes it at the next sweep', async () => {
    const { id } = await makeBatch(services, scope, { submit: timer });
    service.clock.advance({ seconds: 60 });
    await services.db.transaction(async (tx) => {
      await lockBatch(workerScope, tx, id);
      await closeDueBatch(services, id);
      expect((await batchNow(services, id)).closedAt).toBeNull();
    });
    await service.work();
    expect((await batchNow(services, id)).closedAt).toEqual(service.clock.now());
  });
});
