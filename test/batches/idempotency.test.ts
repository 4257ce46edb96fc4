/**
 * Calls under the caller's own key, on a real Postgres with the connections of two processes: however often and however
 * closely together one is made, it is done once, and who calls again is told what came of it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addRequests } from '../../src/batches/add-requests.ts';
import { createBatch } from '../../src/batches/create.ts';
import { deleteBatch } from '../../src/batches/delete.ts';
import { callOnce } from '../../src/batches/idempotency.ts';
import { retryBatch } from '../../src/batches/retry.ts';
import type { Database } from '../../src/db/client.ts';
import { countBatches } from '../../src/db/queries/batch-pages.ts';
import { findCall } from '../../src/db/queries/idempotency.ts';
import type { CreateBatchInput } from '../../src/domain/batch-input.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Services } from '../../src/services.ts';
import { keepHouse } from '../../src/worker/sweep.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { anotherProcess, batchNow, itemsNow, jobsNow, makeBatch, requestsOf } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let other: { services: Services; db: Database };
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService();
  services = service.app.services;
  other = anotherProcess(service);
});
afterEach(() => expectInvariants(services.db));
afterAll(async () => {
  await other.db.close();
  await service.close();
});

/** An organization of its own for each test, so that it can count. */
const newcomer = async () => {
  ({ scope } = await service.addOrganization('calling twice'));
};
const count = () => services.db.read((q) => countBatches(scope, q, {}));
const input = (changes: Partial<CreateBatchInput> = {}): CreateBatchInput => ({
  provider: 'openai',
  submit: { kind: 'MANUAL' },
  requests: requestsOf(['one', 'two']),
  idempotencyKey: 'order 17',
  ...changes,
});
const conflict = (usedFor: string) => ({ code: 'IDEMPOTENCY_CONFLICT', idempotencyKey: 'order 17', usedFor });

describe('A batch that is created under a key', () => {
  it('is created once: the same call again answers it as it is now, and says that it did nothing', async () => {
    await newcomer();
    const first = await createBatch(services, scope, input());
    expect(first.replayed).toBe(false);
    await addRequests(services, scope, first.batch.id, { requests: requestsOf(['three']) });
    const again = await createBatch(other.services, scope, input());
    expect(again).toEqual({ batch: await batchNow(services, first.batch.id), answer: {}, replayed: true });
    expect(again.batch.total).toBe(3);
    expect(await count()).toBe(1);
  });

  it('is created once by twenty calls at the same time from two processes, one of which did it', async () => {
    await newcomer();
    const calls = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        createBatch(index % 2 === 0 ? services : other.services, scope, input()),
      ),
    );
    expect(new Set(calls.map(({ batch }) => batch.id)).size).toBe(1);
    expect(calls.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await count()).toBe(1);
    expect(await itemsNow(services, calls[0]?.batch.id ?? '')).toHaveLength(2);
  });

  it('is refused with another input, whichever process sees it and however closely it follows', async () => {
    await newcomer();
    const different = [
      input({ name: 'another' }),
      input({ submit: { kind: 'NOW' } }),
      input({ requests: requestsOf(['one', 'three']) }),
      input({ requests: { kind: 'lines', field: 'jsonl', text: '{"body":{"model":"m","messages":[]}}' } }),
      input({ requests: null }),
    ];
    await createBatch(services, scope, input());
    for (const changed of different) {
      await expect(createBatch(other.services, scope, changed)).rejects.toMatchObject(
        conflict('createBatch'),
      );
    }
    await newcomer();
    const racing = await Promise.allSettled(
      [input(), input({ name: 'another' })].map((call, index) =>
        createBatch(index === 0 ? services : other.services, scope, call),
      ),
    );
    expect(racing.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(racing.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: conflict('createBatch'),
    });
    expect(await count()).toBe(1);
  });

  it('leaves no key where it is refused, so that the corrected call under it is done', async () => {
    await newcomer();
    const wrong = input({ requests: requestsOf([]), endpoint: '/v1/nowhere' });
    await expect(createBatch(services, scope, wrong)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(await createBatch(services, scope, input())).toMatchObject({ replayed: false });
  });

  it('is another one for another organization', async () => {
    await newcomer();
    const one = await createBatch(services, scope, input());
    await newcomer();
    const two = await createBatch(services, scope, input({ name: 'of somebody else' }));
    expect(two.replayed).toBe(false);
    expect(two.batch.id).not.toBe(one.batch.id);
  });

  it('is remembered for a day to the second, and then the key is as new, kept house or not', async () => {
    await newcomer();
    const { batch: first } = await createBatch(services, scope, input());
    service.clock.advance({ hours: 24 });
    service.clock.advance({ seconds: -1 });
    await keepHouse(services);
    expect(await createBatch(services, scope, input())).toMatchObject({
      batch: { id: first.id },
      replayed: true,
    });
    service.clock.advance({ seconds: 1 });
    const calls = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        createBatch(index % 2 === 0 ? services : other.services, scope, input({ name: 'of the next day' })),
      ),
    );
    const [second] = calls;
    expect(calls.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(calls.map(({ batch }) => batch.id))).toEqual(new Set([second?.batch.id]));
    expect(second?.batch.id).not.toBe(first.id);
    const kept = () => services.db.read((q) => findCall(scope, q, 'order 17', new Date(0)));
    service.clock.advance({ hours: 23 });
    await keepHouse(services);
    expect(await kept()).toMatchObject({ batchId: second?.batch.id });
    service.clock.advance({ hours: 1 });
    await keepHouse(services);
    expect(await kept()).toBeNull();
  });

  it('says so where it has been deleted, and is not made again', async () => {
    await newcomer();
    const { batch } = await createBatch(services, scope, input());
    await deleteBatch(services, scope, batch.id);
    await expect(createBatch(services, scope, input())).rejects.toMatchObject({
      code: 'NOT_FOUND',
      id: batch.id,
    });
    expect(await count()).toBe(0);
  });
});

describe('Requests that are added under a key', () => {
  it('are added once, however many call at the same time and again when the batch is closed', async () => {
    await newcomer();
    const { batch } = await createBatch(services, scope, input({ idempotencyKey: null }));
    const add = (by: Services, text = 'more') =>
      addRequests(by, scope, batch.id, { requests: requestsOf([text]), idempotencyKey: 'order 17' });
    const calls = await Promise.all(
      Array.from({ length: 20 }, (_, index) => add(index % 2 === 0 ? services : other.services)),
    );
    expect(calls.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await batchNow(services, batch.id)).toMatchObject({ total: 3 });
    await expect(add(services, 'others')).rejects.toMatchObject(conflict('addRequests'));
    await deleteBatch(services, scope, batch.id);
    await expect(add(services)).rejects.toMatchObject({ code: 'NOT_FOUND', id: batch.id });
  });

  it('are refused under the key of another batch’s, and of another verb', async () => {
    await newcomer();
    const { batch } = await createBatch(services, scope, input());
    const { batch: second } = await createBatch(services, scope, input({ idempotencyKey: null }));
    const add = (id: string, idempotencyKey: string) =>
      addRequests(services, scope, id, { requests: requestsOf(['more']), idempotencyKey });
    await expect(add(batch.id, 'order 17')).rejects.toMatchObject(conflict('createBatch'));
    await add(batch.id, 'more');
    await expect(add(second.id, 'more')).rejects.toMatchObject({ usedFor: 'addRequests' });
    await expect(createBatch(services, scope, input({ idempotencyKey: 'more' }))).rejects.toMatchObject({
      usedFor: 'addRequests',
    });
  });
});

describe('A retry under a key', () => {
  it('begins one attempt, however many call, and each is told which, also when it is over', async () => {
    await newcomer();
    const { id } = await makeBatch(services, scope, { texts: ['fine', 'bad emulate:errored'] });
    const finish = async () => {
      await service.work();
      await service.turn(60, 20);
    };
    await finish();
    const retry = (by: Services, onlyRetryable?: boolean) =>
      retryBatch(by, scope, id, { onlyRetryable, idempotencyKey: 'order 17' });
    const calls = await Promise.all(
      Array.from({ length: 10 }, (_, index) => retry(index % 2 === 0 ? services : other.services)),
    );
    expect(calls.filter(({ replayed }) => !replayed)).toHaveLength(1);
    for (const { attempt, requests } of calls) expect([attempt, requests]).toEqual([2, 1]);
    await expect(retry(services, true)).rejects.toMatchObject(conflict('retryBatch'));
    await finish();
    expect(await retry(services)).toMatchObject({ attempt: 2, requests: 1, replayed: true });
    expect(await jobsNow(services, id)).toHaveLength(2);
    expect(await retryBatch(services, scope, id, {})).toMatchObject({ attempt: 3, replayed: false });
  });
});

describe('A call under a key', () => {
  it('that was made before reads and checks nothing of its input, and answers what it answered then', async () => {
    await newcomer();
    const { batch } = await createBatch(services, scope, input());
    let prepared = 0;
    const call = () =>
      callOnce(
        services,
        scope,
        { verb: 'weigh', key: 'k', input: { batchId: batch.id }, batchId: batch.id },
        async () => {
          prepared += 1;
          return async () => ({ batch, answer: { grams: 12 } });
        },
      );
    expect(await call()).toEqual({ batch, answer: { grams: 12 }, replayed: false });
    expect(await call()).toEqual({ batch, answer: { grams: 12 }, replayed: true });
    expect(prepared).toBe(1);
  });

  it('waits for one at the same time, and is done after all where that one fails', async () => {
    await newcomer();
    const { batch } = await createBatch(services, scope, input());
    const going = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const call = (by: Services, fail: boolean) =>
      callOnce(by, scope, { verb: 'weigh', key: 'k', input: {}, batchId: batch.id }, async () => {
        begun.resolve();
        if (fail) await going.promise;
        if (fail) throw new Error('it broke');
        return async () => ({ batch, answer: { grams: 12 } });
      });
    const failing = call(services, true);
    await begun.promise;
    const waiting = call(other.services, false);
    going.resolve();
    await expect(failing).rejects.toThrow('it broke');
    expect(await waiting).toMatchObject({ answer: { grams: 12 }, replayed: false });
  });
});
