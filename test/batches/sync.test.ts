import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SyncedBatch, syncBatch } from '../../src/batches/sync.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { NotFoundError } from '../../src/errors.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import type { Services } from '../../src/services.ts';
import { startWorker, type Worker } from '../../src/worker/worker.ts';
import { holdNext } from '../support/held-call.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let emulator: Emulator;
let worker: Worker | null = null;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  emulator = service.emulator('openai');
  ({ scope } = await service.addOrganization('syncing'));
});
afterEach(async () => {
  await worker?.stop(5);
  worker = null;
  emulator.faults.clear();
  await expectInvariants(services.db);
});
afterAll(() => service.close());

const startWorking = async () => {
  worker = await startWorker(services, service.app.databaseUrl);
};
const polls = () => callsOf(emulator.calls, 'retrieve');
const sync = (id: string, by = services) => syncBatch(by, scope, id);

/** A batch that its provider works on. */
async function running(texts?: readonly string[]): Promise<string> {
  const { id } = await makeBatch(services, scope, texts === undefined ? {} : { texts });
  await service.work();
  await service.turn(1.2, 1.2);
  expect((await batchNow(services, id)).status).toBe('IN_PROGRESS');
  return id;
}

/** Services that tell when `count` transactions were committed through them. */
function counting(count: number): { by: Services; reached: Promise<void> } {
  const { promise: reached, resolve } = Promise.withResolvers<void>();
  let committed = 0;
  const { db } = services;
  return {
    reached,
    by: {
      ...services,
      db: {
        ...db,
        async transaction(work) {
          const result = await db.transaction(work);
          committed += 1;
          if (committed === count) resolve();
          return result;
        },
      },
    },
  };
}

const versions = (answers: readonly SyncedBatch[]) => new Set(answers.map(({ batch }) => batch.version));

describe('Fifty syncs of one batch at once', () => {
  it('that all come before the poll begins make one call to the provider and answer alike', async () => {
    const id = await running(['emulate:stuck', 'two']);
    const before = polls();
    const { by, reached } = counting(50);
    const calls = Array.from({ length: 50 }, () => sync(id, by));
    await reached;
    await service.work();
    const answers = await Promise.all(calls);
    expect(polls() - before).toBe(1);
    expect(answers.every(({ settled }) => settled)).toBe(true);
    expect(versions(answers).size).toBe(1);
    expect(answers[0]?.batch.lastSyncedAt).toEqual(service.clock.now());
  });

  it('that come while a poll is under way share the next one, because that one began after they came', async () => {
    const id = await running(['emulate:stuck', 'two']);
    const before = polls();
    await startWorking();
    const first = holdNext(emulator, 'retrieve');
    const early = sync(id);
    await first.arrived;
    const { by, reached } = counting(50);
    const late = Array.from({ length: 50 }, () => sync(id, by));
    await reached;
    first.release();
    const answers = await Promise.all(late);
    expect((await early).settled).toBe(true);
    expect(polls() - before).toBe(2);
    expect(answers.every(({ settled }) => settled)).toBe(true);
    expect(versions(answers).size).toBe(1);
  });

  it('share their calls, whenever a running worker begins', async () => {
    const id = await running(['emulate:stuck', 'two']);
    const before = polls();
    await startWorking();
    const answers = await Promise.all(Array.from({ length: 50 }, () => sync(id)));
    expect(answers.every(({ settled }) => settled)).toBe(true);
    expect(new Set(answers.map(({ batch }) => batch.status))).toEqual(new Set(['IN_PROGRESS']));
    expect(polls() - before).toBeGreaterThan(0);
    // Those that come while a poll runs share the next one; how many rounds that takes is the machine's pace.
    expect(polls() - before).toBeLessThanOrEqual(5);
  });
});

describe('A sync', () => {
  it('that is settled between two of its readings has in its answer what settled it', async () => {
    const id = await running();
    const { db } = services;
    let readings = 0;
    const by: Services = {
      ...services,
      db: {
        ...db,
        async read(work) {
          const found = await db.read(work);
          readings += 1;
          if (readings === 1) await service.work();
          return found;
        },
      },
    };
    const { batch, settled } = await sync(id, by);
    expect(settled).toBe(true);
    expect(batch.version).toBe((await batchNow(services, id)).version);
  });

  it('of an accumulating batch asks nobody and changes nothing', async () => {
    const batch = await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
    const before = emulator.calls.length;
    expect(await sync(batch.id)).toEqual({ batch: await batchNow(services, batch.id), settled: true });
    expect((await batchNow(services, batch.id)).version).toBe(batch.version);
    expect(emulator.calls.length).toBe(before);
  });

  it('of a finished batch asks nobody and answers the same as before', async () => {
    const id = await running();
    await service.turn(20, 10);
    const finished = await batchNow(services, id);
    expect(finished.status).toBe('COMPLETED');
    const before = emulator.calls.length;
    expect(await sync(id)).toEqual({ batch: finished, settled: true });
    expect(await sync(id)).toEqual({ batch: finished, settled: true });
    expect(emulator.calls.length).toBe(before);
  });

  it('of a job that has ended by now waits for its results too', async () => {
    const id = await running();
    await startWorking();
    const wanted = holdNext(emulator, 'retrieve');
    const answer = sync(id);
    await wanted.arrived;
    service.clock.advance({ seconds: 30 });
    wanted.release();
    expect(await answer).toMatchObject({ settled: true, batch: { status: 'COMPLETED', succeeded: 2 } });
  });

  it('says that it is not settled when the provider does not answer in time, and the answer comes later', async () => {
    const id = await running();
    await startWorking();
    const slow = holdNext(emulator, 'retrieve');
    const impatient = { ...services, settings: { ...services.settings, syncWaitSeconds: 0.3 } };
    expect(await sync(id, impatient)).toMatchObject({ settled: false, batch: { status: 'IN_PROGRESS' } });
    await slow.arrived;
    service.clock.advance({ seconds: 30 });
    slow.release();
    expect(await sync(id)).toMatchObject({ settled: true, batch: { status: 'COMPLETED' } });
  });

  it('says that it is not settled when the provider answers with a failure', async () => {
    const id = await running();
    emulator.faults.add({ operation: 'retrieve', effect: { kind: 'answer', status: 503 } });
    const { by, reached } = counting(1);
    const impatient = { ...by, settings: { ...services.settings, syncWaitSeconds: 0.3 } };
    const answer = sync(id, impatient);
    await reached;
    await service.work();
    expect(await answer).toMatchObject({ settled: false, batch: { status: 'IN_PROGRESS' } });
  });

  it('of a batch of another organization finds nothing and wakes nobody', async () => {
    const id = await running();
    const before = await batchNow(services, id);
    const other = await service.addOrganization('other');
    await expect(syncBatch(services, other.scope, id)).rejects.toThrow(NotFoundError);
    await service.work();
    expect(await batchNow(services, id)).toEqual(before);
  });
});
