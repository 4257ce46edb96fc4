/** Results of jobs that still run: copied at the pace of polls, never in the way of a cancellation, ending with the last. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { syncBatch } from '../../src/batches/sync.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import type { Services } from '../../src/services.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';
import { batchNow, callsOf, jobNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
let xai: Emulator;
beforeAll(async () => {
  service = await startTestService({
    SANDBOX_SECONDS: '100',
    POLL_FIRST_SECONDS: '5',
    POLL_MAX_SECONDS: '20',
  });
  services = service.app.services;
  xai = service.emulator('xai');
  ({ scope, key } = await service.addOrganization('early'));
});
afterEach(async () => {
  xai.faults.clear();
  await expectInvariants(services.db);
});
afterAll(() => service.close());

const texts = Array.from({ length: 20 }, (_, index) => `early ${index}`);
const make = () => makeBatch(services, scope, { provider: 'xai', texts });

describe('Results of a job that still runs', () => {
  it('that cannot be read are tried again at the pace of polls, and the job goes on as if nothing were', async () => {
    const { id } = await make();
    await service.work();
    const before = callsOf(xai.calls, 'results');
    xai.faults.add({
      operation: 'results',
      effect: { kind: 'answer', status: 500, body: '{}' },
      times: Number.POSITIVE_INFINITY,
    });
    await service.turn(80, 2);
    const tries = callsOf(xai.calls, 'results') - before;
    expect(tries).toBeGreaterThan(1);
    expect(tries).toBeLessThan(10);
    expect(await jobNow(services, id)).toMatchObject({ status: 'RUNNING', resultsWaiting: false });
    xai.faults.clear();
    await service.turn(60, 5);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 20 });
  });

  it('are not copied before a wish to cancel is passed on', async () => {
    const { id } = await make();
    await service.work();
    service.clock.advance({ seconds: 40 });
    await cancelBatch(services, scope, id);
    const before = xai.calls.length;
    await service.work();
    const asked = xai.calls.slice(before).map(({ operation }) => operation);
    expect(asked[0]).toBe('cancel');
    await service.turn(200, 10);
    const batch = await batchNow(services, id);
    expect(batch.succeeded + batch.cancelled).toBe(20);
    expect(batch.succeeded).toBeGreaterThan(0);
    expect(batch.cancelled).toBeGreaterThan(0);
  });

  it('that a sync finds are in its answer', async () => {
    const { id } = await make();
    await service.work();
    service.clock.advance({ seconds: 50 });
    const working = setInterval(() => void service.work(), 50);
    try {
      const { batch, settled } = await syncBatch(services, scope, id);
      expect(settled).toBe(true);
      expect(batch.succeeded).toBeGreaterThan(5);
      expect(batch.succeeded).toBeLessThan(20);
    } finally {
      clearInterval(working);
    }
    await service.turn(200, 10);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 20 });
  });

  it('end the job with the last of them: whoever follows the jobs sees no batch over whose job still runs', async () => {
    const letta = service.emulator('letta');
    const { id } = await makeBatch(services, scope, { provider: 'letta', texts });
    await service.work();
    const subscriber = subscribeByWebSocket({
      url: service.url,
      key,
      query: 'subscription($id: ID!) { jobUpdated(batchId: $id) { status batch { status } } }',
      variables: { id },
    });
    // The provider never sees that it is done.
    const rewrite = (body: string): string => body.replace(/"status":\s*"completed"/, '"status":"running"');
    letta.faults.add({
      operation: 'retrieve',
      effect: { kind: 'rewrite', rewrite },
      times: Number.POSITIVE_INFINITY,
    });
    await service.turn(160, 10);
    letta.faults.clear();
    await subscriber.done;
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 20 });
    expect(await jobNow(services, id)).toMatchObject({ status: 'COMPLETED', collected: true });
    expect(subscriber.messages.at(-1)?.data.jobUpdated).toMatchObject({
      status: 'COMPLETED',
      batch: { status: 'COMPLETED' },
    });
  });
});
