import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addRequests } from '../../src/batches/add-requests.ts';
import { createBatch } from '../../src/batches/create.ts';
import { submitBatch } from '../../src/batches/submit.ts';
import { countBatches } from '../../src/db/queries/batch-pages.ts';
import type { SubmitRule } from '../../src/domain/accumulation.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import { BatchStateError, EmptyBatchError } from '../../src/errors.ts';
import type { Services } from '../../src/services.ts';
import { bodyFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, itemsNow, jobsNow, makeBatch, requestsOf } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService();
  services = service.app.services;
  ({ scope } = await service.addOrganization('closing'));
});
afterEach(() => expectInvariants(services.db));
afterAll(() => service.close());

const when = (rule: Partial<Record<'requests' | 'bytes' | 'seconds', number>>): SubmitRule => ({
  kind: 'WHEN',
  requests: null,
  bytes: null,
  seconds: null,
  ...rule,
});
const add = async (id: string, texts: readonly string[]) =>
  (await addRequests(services, scope, id, { requests: requestsOf(texts) })).batch;
const bytesOf = (texts: readonly string[]) =>
  texts.reduce((sum, text) => sum + Buffer.byteLength(JSON.stringify(bodyFor('openai', text))), 0);

describe('A batch with the rule NOW', () => {
  it('is closed by the call that creates it with requests', async () => {
    const batch = await makeBatch(services, scope, { submit: { kind: 'NOW' } });
    expect(batch).toMatchObject({ status: 'SUBMITTED', closedAt: service.clock.now(), total: 2, pending: 2 });
    expect(await jobsNow(services, batch.id)).toHaveLength(1);
  });

  it('stays open without requests, and is closed by the call that brings the first ones', async () => {
    const empty = await makeBatch(services, scope, { submit: { kind: 'NOW' }, texts: [] });
    expect(empty).toMatchObject({ status: 'ACCUMULATING', closedAt: null, total: 0 });
    const filled = await add(empty.id, ['first', 'second', 'third']);
    expect(filled).toMatchObject({ status: 'SUBMITTED', total: 3 });
    await expect(add(empty.id, ['fourth'])).rejects.toThrow(BatchStateError);
    expect((await batchNow(services, empty.id)).total).toBe(3);
  });
});

describe('A batch with the rule MANUAL', () => {
  it('waits for submitBatch, however much it holds and however long it takes', async () => {
    const { id } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' }, texts: ['one'] });
    await add(id, ['two', 'three']);
    service.clock.advance({ hours: 24 * 366 });
    await service.work();
    expect(await batchNow(services, id)).toMatchObject({ status: 'ACCUMULATING', dueAt: null, total: 3 });
    expect(await submitBatch(services, scope, id)).toMatchObject({ status: 'SUBMITTED', total: 3 });
  });

  it('cannot be submitted without requests', async () => {
    const { id } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' }, texts: [] });
    await expect(submitBatch(services, scope, id)).rejects.toThrow(EmptyBatchError);
    expect((await batchNow(services, id)).status).toBe('ACCUMULATING');
  });
});

describe('A batch with the rule WHEN', () => {
  it('closes after the call that reaches the number of requests, with all requests of that call', async () => {
    const { id } = await makeBatch(services, scope, {
      submit: when({ requests: 4 }),
      texts: ['1', '2', '3'],
    });
    expect((await batchNow(services, id)).status).toBe('ACCUMULATING');
    const closed = await add(id, ['4', '5', '6']);
    expect(closed).toMatchObject({ status: 'SUBMITTED', total: 6 });
    expect((await jobsNow(services, id)).map(({ positions }) => positions)).toEqual(['{[0,6)}']);
  });

  it('closes after the call that reaches the number of bytes, counting the bodies alone', async () => {
    const texts = ['ä', 'b'];
    const bytes = bytesOf(texts);
    const exact = await makeBatch(services, scope, { submit: when({ bytes }), texts });
    expect(exact).toMatchObject({ status: 'SUBMITTED', bytes });
    const short = await makeBatch(services, scope, { submit: when({ bytes: bytes + 1 }), texts });
    expect(short).toMatchObject({ status: 'ACCUMULATING', bytes });
    expect(await add(short.id, ['c', 'd'])).toMatchObject({ status: 'SUBMITTED', total: 4 });
  });

  it('starts its timer with the first request, not with its creation and not anew with later ones', async () => {
    const { id } = await makeBatch(services, scope, { submit: when({ seconds: 60 }), texts: [] });
    await service.turn(300, 150);
    expect(await batchNow(services, id)).toMatchObject({ status: 'ACCUMULATING', dueAt: null });
    await add(id, ['first']);
    const { firstRequestAt } = await batchNow(services, id);
    expect(firstRequestAt).toEqual(service.clock.now());
    await service.turn(40, 40);
    await add(id, ['second']);
    await service.turn(19, 19);
    expect((await batchNow(services, id)).status).toBe('ACCUMULATING');
    await service.turn(1, 1);
    const closed = await batchNow(services, id);
    expect(closed.closedAt).toEqual(new Date((firstRequestAt?.getTime() ?? 0) + 60_000));
    expect(closed.total).toBe(2);
  });

  it('closes by whichever of its thresholds is reached first', async () => {
    const rule = when({ requests: 2, seconds: 60 });
    const byCount = await makeBatch(services, scope, { submit: rule });
    expect(byCount).toMatchObject({ status: 'SUBMITTED', dueAt: null });
    const { id } = await makeBatch(services, scope, { submit: rule, texts: ['only'] });
    await service.turn(60, 60);
    expect((await batchNow(services, id)).closedAt).not.toBeNull();
  });

  it('closes by its timer once, however many sweeps see that it is due', async () => {
    const { id } = await makeBatch(services, scope, { submit: when({ seconds: 5 }), texts: ['only'] });
    service.clock.advance({ seconds: 5 });
    await Promise.all([service.work(), service.work(), service.work()]);
    expect(await jobsNow(services, id)).toHaveLength(1);
  });
});

describe('Adding requests', () => {
  it('from ten callers at once gives unique contiguous positions and loses none', async () => {
    const { id } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' }, texts: [] });
    const calls = Array.from({ length: 10 }, (_, call) =>
      add(
        id,
        [0, 1, 2].map((index) => `call ${call}, request ${index}`),
      ),
    );
    await Promise.all(calls);
    const items = await itemsNow(services, id);
    expect(items.map(({ position }) => position)).toEqual(Array.from({ length: 30 }, (_, index) => index));
    expect(new Set(items.map(({ customId }) => customId)).size).toBe(30);
    expect(await batchNow(services, id)).toMatchObject({ total: 30, pending: 30 });
  });

  it('beside a submission either gets in and is sent, or is refused; nothing is left behind', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { id } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
      const [added] = await Promise.allSettled([add(id, ['late']), submitBatch(services, scope, id)]);
      const total = added.status === 'fulfilled' ? 3 : 2;
      if (added.status === 'rejected') expect(added.reason).toBeInstanceOf(BatchStateError);
      expect(await batchNow(services, id)).toMatchObject({ status: 'SUBMITTED', total });
      const [job] = await jobsNow(services, id);
      expect(job?.requestCount).toBe(total);
    }
  });

  it('refuses a customId that the batch has already, and stores nothing of that call', async () => {
    const { id } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' }, texts: ['only'] });
    const requests = (ids: readonly string[]) => ({
      kind: 'list' as const,
      requests: ids.map((customId) => ({ customId, body: bodyFor('openai', customId) })),
    });
    await expect(
      addRequests(services, scope, id, { requests: requests(['new', 'item-1']) }),
    ).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      issues: [{ path: ['input', 'requests', 'list', 1, 'customId'] }],
    });
    expect((await batchNow(services, id)).total).toBe(1);
  });
});

describe('Submitting', () => {
  it('twice, one after the other or both at once, makes one plan and one batch at the provider', async () => {
    await service.turn(60, 30);
    const { calls } = service.emulator('openai');
    const before = callsOf(calls, 'create');
    const { id } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
    const answers = await Promise.all(Array.from({ length: 5 }, () => submitBatch(services, scope, id)));
    expect(new Set(answers.map(({ version }) => version)).size).toBe(1);
    await service.work();
    const again = await submitBatch(services, scope, id);
    await service.work();
    expect(again.status).not.toBe('ACCUMULATING');
    expect(await jobsNow(services, id)).toHaveLength(1);
    expect(callsOf(calls, 'create') - before).toBe(1);
  });
});

describe('Creating a batch', () => {
  it('with one bad line stores neither the batch nor its other requests', async () => {
    const count = () => services.db.read((q) => countBatches(workerScope, q, {}));
    const before = await count();
    const text = '{"body":{"model":"gpt-5-mini","messages":[]}}\n{"body":{"messages":[]}}';
    await expect(
      createBatch(services, scope, {
        provider: 'openai',
        submit: { kind: 'NOW' },
        requests: { kind: 'lines', field: 'jsonl', text },
      }),
    ).rejects.toMatchObject({ code: 'VALIDATION_FAILED', issues: [{ line: 2 }] });
    expect(await count()).toBe(before);
  });
});
