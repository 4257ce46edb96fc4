/**
 * Jobs that go to their provider in parts (xAI): what was begun is gone on with, what is not wanted any more is stopped
 * there, and nothing of it is made twice or forgotten, whatever breaks off in between.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import type { Services } from '../../src/services.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, itemsNow, jobNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let emulator: Emulator;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '60' });
  services = service.app.services;
  emulator = service.emulator('xai');
  ({ scope } = await service.addOrganization('in parts'));
});
afterEach(async () => {
  emulator.faults.clear();
  await expectInvariants(services.db);
});
afterAll(() => service.close());

/** More than one call takes. */
const many = Array.from({ length: 10_003 }, (_, index) => `part ${index}`);
const make = (texts: readonly string[] = many) => makeBatch(services, scope, { provider: 'xai', texts });
const newest = async () => (await emulator.batches()).at(-1);
const creations = () => callsOf(emulator.calls, 'create');

describe('A job that broke off between two of its parts', () => {
  it('is gone on with: one batch there, every request in it once, and the pieces already there are not sent again', async () => {
    const [created, added] = [creations(), callsOf(emulator.calls, 'add')];
    emulator.faults.add({ operation: 'add', effect: { kind: 'drop' }, after: 1 });
    const { id } = await make();
    await service.work();
    expect(await jobNow(services, id)).toMatchObject({ status: 'CREATED', errorCode: 'answer_lost' });
    await service.turn(150, 10);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: many.length });
    expect(creations() - created).toBe(1);
    expect(callsOf(emulator.calls, 'add') - added).toBe(3);
    expect((await newest())?.requestCount).toBe(many.length);
  });

  it('is cancelled there too, at once, and what it had finished is kept', async () => {
    emulator.faults.add({ operation: 'add', effect: { kind: 'drop' }, after: 1 });
    const { id } = await make();
    await service.work();
    await cancelBatch(services, scope, id);
    await service.work();
    expect(callsOf(emulator.calls.slice(-6), 'cancel')).toBe(1);
    await service.turn(180, 10);
    const batch = await batchNow(services, id);
    expect(batch.status).toBe(batch.succeeded > 0 ? 'COMPLETED' : 'CANCELLED');
    expect(batch.succeeded + batch.cancelled).toBe(many.length);
    expect(await jobNow(services, id)).toMatchObject({
      providerJobId: (await newest())?.id,
      collected: true,
    });
  });

  it('is looked for where the batch that was begun is not known any more, and then begun anew', async () => {
    const created = creations();
    emulator.faults.add({ operation: 'add', effect: { kind: 'drop' } });
    const { id } = await make(['one', 'two']);
    await service.work();
    // As if somebody had deleted it.
    const gone = { kind: 'answer', status: 404, body: '{}' } as const;
    for (const operation of ['retrieve', 'requests', 'add']) {
      emulator.faults.add({ operation, effect: gone, times: Number.POSITIVE_INFINITY });
    }
    emulator.faults.add({
      operation: 'list',
      effect: { kind: 'rewrite', rewrite: () => '{"batches":[],"pagination_token":null}' },
      times: Number.POSITIVE_INFINITY,
    });
    await service.turn(30, 5);
    expect(await jobNow(services, id)).toMatchObject({ status: 'UNKNOWN' });
    expect(creations() - created).toBe(1);
    for (let turns = 0; turns < 40 && creations() - created === 1; turns += 1) await service.turn(30, 30);
    emulator.faults.clear();
    await service.turn(1_200, 60);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(creations() - created).toBe(2);
  });
});

describe('A job of which a later part is refused', () => {
  it('is stopped there and collected: what ran is kept, and the refusal is the reason of the rest', async () => {
    emulator.faults.add({
      operation: 'add',
      effect: { kind: 'answer', status: 400, body: '{"code":"invalid_argument","error":"No such model."}' },
      after: 1,
    });
    const { id } = await make();
    await service.work();
    await service.turn(10, 5);
    await service.turn(180, 10);
    const job = await jobNow(services, id);
    expect(job).toMatchObject({ providerJobId: (await newest())?.id, collected: true });
    const batch = await batchNow(services, id);
    expect(batch.submitted + batch.pending).toBe(0);
    expect((await emulator.batches()).filter(({ status }) => status === 'running')).toEqual([]);
    const last = (await itemsNow(services, id)).length;
    expect(last).toBe(1000);
    const refused = await services.db.read((q) =>
      q.execute(`select distinct error_code from results where batch_id = '${id}' and position >= 10000`),
    );
    expect(refused.rows).toEqual([{ error_code: 'invalid_argument' }]);
  });
});
