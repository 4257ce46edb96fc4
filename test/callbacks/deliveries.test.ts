/** Deliveries under crashes, several workers and second thoughts: nobody is left out, and every attempt is written down. */
import type { ServerResponse } from 'node:http';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { deleteBatch } from '../../src/batches/delete.ts';
import { retryBatch } from '../../src/batches/retry.ts';
import { deliverCallback } from '../../src/callbacks/deliver.ts';
import { redeliverCallback } from '../../src/callbacks/redeliver.ts';
import type { Database } from '../../src/db/client.ts';
import { newestDeliveries } from '../../src/db/queries/deliveries.ts';
import { deliveryAttemptPages } from '../../src/db/queries/delivery-attempts.ts';
import type { DeliveryRow } from '../../src/db/tables/deliveries.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import type { Services } from '../../src/services.ts';
import { sweep } from '../../src/worker/sweep.ts';
import { startWorker, workOnce } from '../../src/worker/worker.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { anotherProcess, batchNow, makeBatch, workAt } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let receiver: Receiver;
let other: { services: Services; db: Database };
beforeAll(async () => {
  receiver = await startReceiver();
  service = await startTestService({
    SANDBOX_SECONDS: '1',
    CALLBACK_ALLOW: '127.0.0.1',
    CALLBACK_SECONDS: '30',
  });
  services = service.app.services;
  other = anotherProcess(service);
  ({ scope } = await service.addOrganization('told'));
});
beforeEach(() => void receiver.calls.splice(0));
afterEach(() => expectInvariants(services.db));
afterAll(async () => {
  await other.db.close();
  await service.close();
  await receiver.close();
});

const never = new AbortController().signal;

/** A batch that ended just now: its receiver is to be called, and has not been. */
async function endedBatch(): Promise<string> {
  const submit = { kind: 'MANUAL' } as const;
  const { id } = await makeBatch(services, scope, { submit, callbackUrl: receiver.url });
  await cancelBatch(services, scope, id);
  return id;
}

async function deliveryOf(batchId: string): Promise<DeliveryRow> {
  const [delivery] = await services.db.read((q) => newestDeliveries(workerScope, q, [batchId]));
  if (delivery === undefined) throw new Error('there is no delivery');
  return delivery;
}

const attemptsOf = (batchId: string) =>
  services.db.read((q) =>
    deliveryAttemptPages(workerScope, q, [batchId], { limit: 100, order: 'ascending', beyond: null }),
  );

/** What the database's clock would do in less than a minute. */
const expireLease = (id: string) =>
  services.db.read((q) =>
    q.execute(
      sql`update deliveries set lease_until = clock_timestamp() - interval '1 second' where id = ${id}`,
    ),
  );

/** The next call waits at the receiver until it is released, and is answered with 204 then. */
function holdNext() {
  const arrival = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  receiver.answer((response) => {
    arrival.resolve();
    going.promise.then(() => response.writeHead(204).end());
  });
  return { arrived: arrival.promise, release: going.resolve };
}

describe('An end', () => {
  it('and what is told of it are one: where the one cannot be written, the other is not either', async () => {
    const submit = { kind: 'MANUAL' } as const;
    const { id, version } = await makeBatch(services, scope, { submit, callbackUrl: receiver.url });
    const failing = {
      ...services,
      origin: () => {
        throw new Error('nobody foresaw this');
      },
    };
    await expect(cancelBatch(failing, scope, id)).rejects.toThrow('nobody foresaw this');
    expect(await batchNow(services, id)).toMatchObject({ status: 'ACCUMULATING', version });
    await cancelBatch(services, scope, id);
    expect(await deliveryOf(id)).toMatchObject({ status: 'PENDING', seq: version + 1, attempts: 0 });
    await service.work();
  });

  it('wakes a worker at once, and what tells of it is in a lane of its own', async () => {
    const worker = await startWorker(services, service.app.databaseUrl);
    const held = Array.from({ length: 8 }, holdNext);
    const slow: string[] = [];
    for (let count = 0; count < 8; count += 1) slow.push(await endedBatch());
    await Promise.all(held.map(({ arrived }) => arrived));
    // All senders wait for slow receivers; a batch ends all the same.
    const follower = services.hub.follow({ organizationId: scope.organizationId });
    const { id } = await makeBatch(services, scope);
    service.clock.advance({ seconds: 60 });
    while ((await batchNow(services, id)).completedAt === null) {
      await follower.next();
      service.clock.advance({ seconds: 5 });
    }
    follower.close();
    for (const { release } of held) release();
    await worker.stop(5);
    await service.work();
    for (const each of slow)
      expect(await deliveryOf(each)).toMatchObject({ status: 'DELIVERED', attempts: 1 });
  });

  it('of a batch that was retried is told of, too: another id, a higher number, and what was told stays', async () => {
    const id = await endedBatch();
    await service.work();
    const first = await deliveryOf(id);
    await retryBatch(services, scope, id, {});
    await cancelBatch(services, scope, id);
    await service.work();
    const second = await deliveryOf(id);
    expect(second.id).not.toBe(first.id);
    expect(second.seq).toBe((await batchNow(services, id)).version);
    expect(receiver.calls.map(({ headers }) => headers['webhook-id'])).toEqual([first.id, second.id]);
    expect(receiver.calls.map(({ body }) => JSON.parse(body).data.seq)).toEqual([first.seq, second.seq]);
    expect(await attemptsOf(id)).toMatchObject([
      { deliveryId: first.id, number: 1, statusCode: 204 },
      { deliveryId: second.id, number: 1, statusCode: 204 },
    ]);
  });
});

describe('A sender that dies', () => {
  it('after the call and before it wrote the outcome leaves an attempt that nobody knows of, and is followed', async () => {
    const id = await endedBatch();
    const { id: deliveryId } = await deliveryOf(id);
    const held = holdNext();
    const dying = deliverCallback(services, deliveryId, never);
    await held.arrived;
    const { dueAt } = await deliveryOf(id);
    expect(dueAt?.getTime()).toBeGreaterThan(service.clock.now().getTime());
    // Its lease lives on the database's clock; ours says nothing about it.
    service.clock.advance({ hours: 1 });
    await workOnce(other.services, service.app.databaseUrl);
    expect(receiver.calls).toHaveLength(1);
    await expireLease(deliveryId);
    await workOnce(other.services, service.app.databaseUrl);
    const outcomes = [
      { number: 1, finishedAt: null, statusCode: null, error: null },
      { number: 2, finishedAt: service.clock.now(), statusCode: 204, error: null },
    ];
    expect(await attemptsOf(id)).toMatchObject(outcomes);
    expect(new Set(receiver.calls.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set([deliveryId]),
    );
    const told = await deliveryOf(id);
    expect(told).toMatchObject({ status: 'DELIVERED', attempts: 2, dueAt: null });

    // It was not dead, only stopped: what it has to say is too late, and changes nothing.
    held.release();
    await dying;
    expect(await attemptsOf(id)).toMatchObject(outcomes);
    expect(await deliveryOf(id)).toEqual(told);
  });

  it('at every attempt is followed at the pauses of attempts that fail, and never given up unheard', async () => {
    const id = await endedBatch();
    const { id: deliveryId } = await deliveryOf(id);
    const dead = {
      ...services,
      callbacks: { ...services.callbacks, post: () => Promise.reject(new Error()) },
    };
    for (let attempt = 1; attempt <= 9; attempt += 1) {
      await expect(deliverCallback(dead, deliveryId, never)).rejects.toThrow();
      const { dueAt, status, attempts } = await deliveryOf(id);
      expect([status, attempts]).toEqual(['PENDING', attempt]);
      await expireLease(deliveryId);
      service.clock.advance({ seconds: ((dueAt?.getTime() ?? 0) - service.clock.now().getTime()) / 1000 });
    }
    await service.work();
    expect(await deliveryOf(id)).toMatchObject({ status: 'DELIVERED', attempts: 10 });
  });

  it.each([
    ['', 0],
    [' also at the last attempt', 7],
  ])('in order writes down that it was stopped, and the call is made again%s', async (_which, failed) => {
    const id = await endedBatch();
    receiver.answer(...Array.from({ length: failed }, () => 500));
    for (let attempt = 1; attempt <= failed; attempt += 1) {
      await workAt(service, (await deliveryOf(id)).dueAt);
    }
    const { dueAt: next } = await deliveryOf(id);
    service.clock.advance({ seconds: ((next?.getTime() ?? 0) - service.clock.now().getTime()) / 1000 });
    const held = holdNext();
    const stopping = new AbortController();
    const stopped = deliverCallback(services, (await deliveryOf(id)).id, stopping.signal);
    await held.arrived;
    stopping.abort();
    await stopped;
    held.release();
    const { dueAt, error } = await deliveryOf(id);
    expect(error).toBe('Its sender was stopped before the answer came.');
    await workAt(service, dueAt);
    expect(await deliveryOf(id)).toMatchObject({ status: 'DELIVERED', attempts: failed + 2 });
  });
});

describe('Many workers on one database', () => {
  it('make each attempt once, however many look at once', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 6; count += 1) ids.push(await endedBatch());
    receiver.answer(...Array.from({ length: 6 }, () => 500));
    const workers = () =>
      Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          workOnce(index % 2 === 0 ? services : other.services, service.app.databaseUrl),
        ),
      );
    await workers();
    expect(receiver.calls).toHaveLength(6);
    service.clock.advance({ seconds: 6 });
    await workers();
    expect(receiver.calls).toHaveLength(12);
    for (const id of ids) {
      expect(await deliveryOf(id)).toMatchObject({ status: 'DELIVERED', attempts: 2 });
      expect((await attemptsOf(id)).map(({ statusCode }) => statusCode)).toEqual([500, 204]);
    }
  });
});

describe('The sweep', () => {
  it('finds a delivery whose task was lost when its time has come, and not before, nor one that is held', async () => {
    const id = await endedBatch();
    const { id: deliveryId } = await deliveryOf(id);
    const emptyQueue = () =>
      services.db.read((q) => q.execute(sql`delete from graphile_worker._private_jobs`));
    await emptyQueue();
    receiver.answer(500);
    await service.work();
    expect(receiver.calls).toHaveLength(1);
    expect(await sweep(services)).toBe(0);
    service.clock.advance({ seconds: 6 });
    await emptyQueue();
    expect(await sweep(services)).toBe(1);
    await emptyQueue();
    const held = holdNext();
    const sending = deliverCallback(services, deliveryId, never);
    await held.arrived;
    service.clock.advance({ hours: 1 });
    expect(await sweep(services)).toBe(0);
    held.release();
    await sending;
    expect(await deliveryOf(id)).toMatchObject({ status: 'DELIVERED' });
  });
});

describe('A receiver', () => {
  it('that says 410 is never called again by itself', async () => {
    receiver.answer(410);
    const id = await endedBatch();
    await service.work();
    await service.turn(200_000, 100_000);
    expect(receiver.calls).toHaveLength(1);
    expect(await deliveryOf(id)).toMatchObject({ status: 'FAILED', statusCode: 410, dueAt: null });
    const lines = service.logged.filter((line) => line['batchId'] === id);
    expect(lines).toMatchObject([{ level: 'warn', attempts: 1, statusCode: 410 }]);
    expect(JSON.stringify(lines)).not.toContain('http');
  });

  it('that says when to come back is obeyed', async () => {
    const date = new Date(service.clock.now().getTime() + 7_200_000).toUTCString();
    const later = (value: string) => (response: ServerResponse) =>
      response.writeHead(429, { 'retry-after': value }).end();
    receiver.answer(later('3600'), later(date));
    const id = await endedBatch();
    const begun = service.clock.now().getTime();
    await service.work();
    const first = await deliveryOf(id);
    expect(first.dueAt?.getTime()).toBe(begun + 3_600_000);
    await workAt(service, first.dueAt);
    const second = await deliveryOf(id);
    expect(second.dueAt?.getTime()).toBe(Date.parse(date));
    await workAt(service, second.dueAt);
    expect(await deliveryOf(id)).toMatchObject({ status: 'DELIVERED', attempts: 3 });
  });
});

describe('A call that is asked for while one is under way', () => {
  it.each([
    ['succeeds', 204],
    ['fails for good', 410],
  ])('is made when that one is over, also where it %s', async (_how, status) => {
    const id = await endedBatch();
    const { id: deliveryId } = await deliveryOf(id);
    const arrival = Promise.withResolvers<ServerResponse>();
    receiver.answer(arrival.resolve);
    const sending = deliverCallback(services, deliveryId, never);
    const response = await arrival.promise;
    service.clock.advance({ seconds: 1 });
    await redeliverCallback(services, scope, id);
    response.writeHead(status).end();
    await sending;
    expect(await deliveryOf(id)).toMatchObject({ status: 'PENDING', statusCode: status });
    await service.work();
    expect(await deliveryOf(id)).toMatchObject({ status: 'DELIVERED', attempts: 2, dueAt: null });
    expect(receiver.calls).toHaveLength(2);
  });
});

describe('A batch that is deleted', () => {
  it('takes what was told of it along, and what is just being told', async () => {
    const id = await endedBatch();
    const { id: deliveryId } = await deliveryOf(id);
    const held = holdNext();
    const sending = deliverCallback(services, deliveryId, never);
    await held.arrived;
    await deleteBatch(services, scope, id);
    held.release();
    await sending;
    const { rows } = await services.db.read((q) =>
      q.execute(sql`select (select count(*) from deliveries where batch_id = ${id})
        + (select count(*) from delivery_attempts where delivery_id = ${deliveryId}) as left`),
    );
    expect(rows).toEqual([{ left: '0' }]);
  });
});
