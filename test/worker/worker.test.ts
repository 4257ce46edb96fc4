/** The worker as it really runs: woken by commits, sharing the work with others, and stopping in order. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import type { Services } from '../../src/services.ts';
import { lanes } from '../../src/worker/catalog.ts';
import { startWorker, type Worker } from '../../src/worker/worker.ts';
import { holdNext } from '../support/held-call.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { anotherProcess, batchNow, callsOf, jobNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let emulator: Emulator;
const workers: Worker[] = [];
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  emulator = service.emulator('openai');
  ({ scope } = await service.addOrganization('working'));
});
afterEach(async () => {
  await stopAll();
  await service.turn(60, 30);
  await expectInvariants(services.db);
});
afterAll(() => service.close());

const stopAll = (graceSeconds = 5) =>
  Promise.all(workers.splice(0).map((worker) => worker.stop(graceSeconds)));
const start = async (by = services): Promise<void> => {
  workers.push(await startWorker(by, service.app.databaseUrl));
};

/** Resolves when the batch is as `matches` wants it; woken by the batch's own events. */
async function until(id: string, matches: (batch: Awaited<ReturnType<typeof batchNow>>) => boolean) {
  const follower = services.hub.follow({ batchId: id });
  try {
    while (!matches(await batchNow(services, id))) await follower.next();
  } finally {
    follower.close();
  }
}

describe('A running worker', () => {
  it('sends what is submitted as soon as that commits', async () => {
    await start();
    const { id } = await makeBatch(services, scope);
    await until(id, ({ submittedAt }) => submittedAt !== null);
    expect((await jobNow(services, id)).providerJobId).not.toBeNull();
  });

  it('shares the work with another: each job is sent once, polled to its end and collected once', async () => {
    const other = anotherProcess(service);
    await Promise.all([start(), start(other.services)]);
    const before = emulator.calls.length;
    const ids: string[] = [];
    for (let count = 0; count < 6; count += 1) ids.push((await makeBatch(services, scope)).id);
    for (const id of ids) await until(id, ({ submittedAt }) => submittedAt !== null);
    service.clock.advance({ seconds: 30 });
    for (const id of ids) await until(id, ({ completedAt }) => completedAt !== null);
    const calls = emulator.calls.slice(before);
    expect([callsOf(calls, 'create'), callsOf(calls, 'content')]).toEqual([6, 6]);
    for (const id of ids) expect(await batchNow(services, id)).toMatchObject({ succeeded: 2, errored: 0 });
    await stopAll();
    await other.db.close();
  });

  it('that is stopped lets the work end that it has begun, and begins nothing new', async () => {
    await start();
    const calls = Array.from({ length: lanes.submit }, () => holdNext(emulator, 'create'));
    const begun = await Promise.all(calls.map(() => makeBatch(services, scope)));
    await Promise.all(calls.map(({ arrived }) => arrived));
    // Every hand is busy, so that this one waits in the queue.
    const waiting = await makeBatch(services, scope);
    const stopped = stopAll(60);
    for (const call of calls) call.release();
    await stopped;
    for (const { id } of begun) expect((await jobNow(services, id)).providerJobId).not.toBeNull();
    expect(await jobNow(services, waiting.id)).toMatchObject({ status: 'CREATED', leaseEpoch: 0 });
  });

  it('that is stopped and out of patience gives the work back in a state from which others go on', async () => {
    await start();
    const before = (await emulator.batches()).length;
    const create = holdNext(emulator, 'create');
    const { id } = await makeBatch(services, scope);
    await create.arrived;
    await stopAll(0);
    expect(await jobNow(services, id)).toMatchObject({
      status: 'UNKNOWN',
      leaseUntil: null,
      evidence: { lostAnswer: 'answer_lost' },
    });
    create.release();
    await service.turn(800, 400);
    await service.turn(60, 30);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect((await emulator.batches()).length - before).toBe(1);
  });
});
