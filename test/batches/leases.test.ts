/** Exclusion between workers: one at a time works on a job, and one that was overtaken changes nothing. */
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { changeHeldJob } from '../../src/batches/held-job.ts';
import { withLease } from '../../src/batches/lease.ts';
import { LeaseLostError } from '../../src/batches/transition.ts';
import type { Database } from '../../src/db/client.ts';
import { eventPages } from '../../src/db/queries/events.ts';
import { findJob } from '../../src/db/queries/jobs.ts';
import { releaseLease, renewLease, takeLease } from '../../src/db/queries/leases.ts';
import type { JobRow } from '../../src/db/tables/jobs.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { holdNext } from '../support/held-call.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { anotherProcess, batchNow, callsOf, jobNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let other: { services: Services; db: Database };
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  other = anotherProcess(service);
  ({ scope } = await service.addOrganization('leases'));
});
afterEach(async () => {
  await service.turn(60, 20);
  await expectInvariants(services.db);
});
afterAll(async () => {
  await other.db.close();
  await service.close();
});

const take = ({ db, clock }: Services, id: string) =>
  db.read((q) => takeLease(workerScope, q, id, { now: clock.now(), seconds: 30 }));
const held = async (by: Services, id: string): Promise<JobRow> => {
  const job = await take(by, id);
  if (job === null) throw new Error('the lease is not to be had');
  return job;
};
/** What the database's clock would do in half a minute. */
const expireLease = (id: string) =>
  services.db.read((q) =>
    q.execute(sql`update jobs set lease_until = clock_timestamp() - interval '1 second' where id = ${id}`),
  );
const eventsOf = (batchId: string) =>
  services.db.read((q) =>
    eventPages(workerScope, q, [batchId], { limit: 100, order: 'ascending', beyond: null }),
  );
const work = (by: Services) => workOnce(by, service.app.databaseUrl);

describe('Many workers on one database', () => {
  it('send each job once and poll it once at a time, however many look at once', async () => {
    const { calls } = service.emulator('openai');
    const before = calls.length;
    const ids: string[] = [];
    for (let count = 0; count < 4; count += 1) ids.push((await makeBatch(services, scope)).id);
    const workers = () =>
      Promise.all(
        Array.from({ length: 20 }, (_, index) => work(index % 2 === 0 ? services : other.services)),
      );
    await workers();
    expect(callsOf(calls.slice(before), 'create')).toBe(4);
    expect(callsOf(calls.slice(before), 'retrieve')).toBe(0);
    service.clock.advance({ seconds: 2 });
    await workers();
    expect(callsOf(calls.slice(before), 'create')).toBe(4);
    expect(callsOf(calls.slice(before), 'retrieve')).toBe(4);
    service.clock.advance({ seconds: 60 });
    await workers();
    // Once to see that it is over, once more before its results are read, which are read once.
    expect(callsOf(calls.slice(before), 'retrieve')).toBe(12);
    expect(callsOf(calls.slice(before), 'content')).toBe(4);
    for (const id of ids) expect(await batchNow(services, id)).toMatchObject({ succeeded: 2 });
  });
});

describe('A lease', () => {
  it('is had by one at a time, and by the next when it has run out on the database’s clock', async () => {
    const { id } = await jobNow(services, (await makeBatch(services, scope)).id);
    const first = await held(services, id);
    expect(await take(other.services, id)).toBeNull();
    // Our own clock says nothing about it.
    service.clock.advance({ hours: 1 });
    expect(await take(other.services, id)).toBeNull();
    await expireLease(id);
    const second = await held(other.services, id);
    expect(second.leaseEpoch).toBe(first.leaseEpoch + 1);
    await services.db.read((q) => releaseLease(workerScope, q, id, first.leaseEpoch));
    expect(await take(services, id)).toBeNull();
    await services.db.read((q) => releaseLease(workerScope, q, id, second.leaseEpoch));
  });

  it('is not had before the job is due', async () => {
    const { id } = await jobNow(services, (await makeBatch(services, scope)).id);
    await services.db.read((q) =>
      q.execute(sql`update jobs set due_at = due_at + interval '1 second' where id = ${id}`),
    );
    expect(await take(services, id)).toBeNull();
    service.clock.advance({ seconds: 1 });
    const { leaseEpoch } = await held(services, id);
    await services.db.read((q) => releaseLease(workerScope, q, id, leaseEpoch));
  });

  it('is prolonged by its holder alone, and not when it was given back while that was on its way', async () => {
    const { id } = await jobNow(services, (await makeBatch(services, scope)).id);
    const renew = (epoch: number) =>
      services.db.read((q) => renewLease(workerScope, q, id, { epoch, seconds: 300 }));
    const first = await held(services, id);
    expect(await renew(first.leaseEpoch)).toBe(true);
    await expireLease(id);
    const second = await held(other.services, id);
    expect(await renew(first.leaseEpoch)).toBe(false);
    await services.db.read((q) => releaseLease(workerScope, q, id, second.leaseEpoch));
    expect(await renew(second.leaseEpoch)).toBe(false);
    expect((await services.db.read((q) => findJob(workerScope, q, id)))?.leaseUntil).toBeNull();
  });
});

describe('A worker that was overtaken', () => {
  it('writes nothing: neither to the job, nor to the batch, nor an event', async () => {
    const { id: batchId } = await makeBatch(services, scope);
    const { id } = await jobNow(services, batchId);
    const slow = await held(services, id);
    await expireLease(id);
    await work(other.services);
    const before = [
      await batchNow(services, batchId),
      await jobNow(services, batchId),
      await eventsOf(batchId),
    ];
    // Also where what it wants could not follow on what the other has written.
    for (const status of ['FAILED', 'CREATED'] as const) {
      const late = changeHeldJob(services, slow, () => ({ event: 'JOB_FAILED', set: { status } }));
      await expect(late).rejects.toBeInstanceOf(LeaseLostError);
    }
    expect([
      await batchNow(services, batchId),
      await jobNow(services, batchId),
      await eventsOf(batchId),
    ]).toEqual(before);
  });

  it('does not make the batch any more when it lost the job while it was sending the file', async () => {
    const emulator = service.emulator('openai');
    const before = callsOf(emulator.calls, 'create');
    const upload = holdNext(emulator, 'upload');
    const { id: batchId } = await makeBatch(services, scope);
    const { id } = await jobNow(services, batchId);
    const sending = work(services);
    await upload.arrived;
    expect((await jobNow(services, batchId)).status).toBe('PENDING');
    await expireLease(id);
    await work(other.services);
    expect(await jobNow(services, batchId)).toMatchObject({
      status: 'UNKNOWN',
      evidence: { lostAnswer: 'sender_died' },
    });
    upload.release();
    await sending;
    expect(callsOf(emulator.calls, 'create')).toBe(before);
    await service.turn(720, 360);
    expect(callsOf(emulator.calls, 'create')).toBe(before + 1);
  });

  it('and was only held up past its time sends nothing any more, gives the job back, and it is sent once', async () => {
    const emulator = service.emulator('openai');
    const before = callsOf(emulator.calls, 'create');
    const upload = holdNext(emulator, 'upload');
    const { id: batchId } = await makeBatch(services, scope);
    const sending = work(services);
    await upload.arrived;
    service.clock.advance({ seconds: services.settings.sendSeconds });
    upload.release();
    await sending;
    expect(callsOf(emulator.calls, 'create')).toBe(before);
    expect(await jobNow(services, batchId)).toMatchObject({
      status: 'CREATED',
      errorCode: 'sending_held_up',
      failures: 1,
    });
    await service.turn(2, 2);
    expect(callsOf(emulator.calls, 'create')).toBe(before + 1);
  });

  it('is told to stop by its own heartbeat', async () => {
    const { id } = await jobNow(services, (await makeBatch(services, scope)).id);
    const hasty = { ...services, settings: { ...services.settings, leaseSeconds: 0.15 } };
    let reason: unknown;
    await withLease(hasty, id, new AbortController().signal, async (job, { signal }) => {
      await services.db.read((q) =>
        q.execute(sql`update jobs set lease_epoch = lease_epoch + 1 where id = ${job.id}`),
      );
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      reason = signal.reason;
      signal.throwIfAborted();
    });
    expect(reason).toBeInstanceOf(LeaseLostError);
    const { leaseEpoch } = (await services.db.read((q) => findJob(workerScope, q, id))) ?? { leaseEpoch: 0 };
    await services.db.read((q) => releaseLease(workerScope, q, id, leaseEpoch));
  });
});

describe('Work that fails for a reason that nobody foresaw', () => {
  it('never throws; the job stays as it is, is due again after a growing pause, and the log tells', async () => {
    const { id: batchId } = await makeBatch(services, scope);
    const { id, version } = await jobNow(services, batchId);
    for (const failures of [1, 2, 3]) {
      await withLease(services, id, new AbortController().signal, async () => {
        throw new Error('nobody foresaw this');
      });
      const job = await jobNow(services, batchId);
      expect(job).toMatchObject({ status: 'CREATED', version, failures, leaseUntil: null });
      const pause = ((job.dueAt?.getTime() ?? 0) - service.clock.now().getTime()) / 1000;
      expect(pause).toBeGreaterThanOrEqual(0.9 * 2 ** (failures - 1));
      expect(pause).toBeLessThanOrEqual(1.1 * 2 ** (failures - 1));
      service.clock.advance({ seconds: pause });
    }
    const lines = service.logged.filter((line) => line['jobId'] === id);
    expect(lines.map(({ level }) => level)).toEqual(['error', 'error', 'error']);
  });
});
