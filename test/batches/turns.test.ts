/**
 * One at a time, where a provider shows no key of ours: jobs of one credential wait for each other, across processes,
 * and no longer than they must.
 */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/db/client.ts';
import { eventPages } from '../../src/db/queries/events.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import type { Emulator, FaultEffect } from '../../src/providers/emulation.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { holdNext } from '../support/held-call.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { countTried } from '../support/tally.ts';
import { anotherProcess, batchNow, callsOf, jobNow, makeBatch } from '../support/verbs.ts';

/** How many orders are tried. */
const runs = 10;

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let emulator: Emulator;
let other: { services: Services; db: Database };
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  other = anotherProcess(service);
  emulator = service.emulator('anthropic');
  ({ scope } = await service.addOrganization('taking turns'));
});
afterEach(async () => {
  emulator.faults.clear();
  await service.turn(1800, 600);
  await expectInvariants(services.db);
});
afterAll(async () => {
  await other.db.close();
  await service.close();
});

const texts = (count: number) => Array.from({ length: count }, (_, index) => `question ${index}`);
const make = async (count: number) =>
  (await makeBatch(services, scope, { provider: 'anthropic', texts: texts(count) })).id;
const work = (by: Services) => workOnce(by, service.app.databaseUrl);
const creates = () => callsOf(emulator.calls, 'create');
const status = async (id: string) => (await jobNow(services, id)).status;

describe('A job for Anthropic', () => {
  it('waits while another process sends one with the same credential, and goes when that one is confirmed', async () => {
    const before = creates();
    const first = await make(2);
    const sending = holdNext(emulator, 'create');
    const busy = work(services);
    await sending.arrived;
    const second = await make(3);
    await work(other.services);
    expect(await jobNow(services, second)).toMatchObject({
      status: 'CREATED',
      errorCode: 'waiting_for_turn',
      leaseUntil: null,
    });
    expect(creates() - before).toBe(1);
    sending.release();
    await busy;
    await work(other.services);
    expect(await jobNow(services, first)).toMatchObject({ providerJobId: expect.any(String) });
    // At once, and not only when its pause was over.
    expect(await jobNow(services, second)).toMatchObject({
      providerJobId: expect.any(String),
      errorCode: null,
    });
    expect(creates() - before).toBe(2);
  });

  it('tells once that it waits, however often it asks', async () => {
    await make(2);
    const sending = holdNext(emulator, 'create');
    const busy = work(services);
    await sending.arrived;
    const second = await make(3);
    for (let round = 0; round < 4; round += 1) {
      await work(other.services);
      service.clock.advance({ seconds: 10 });
    }
    const page = { limit: 100, order: 'ascending', beyond: null } as const;
    const events = await services.db.read((q) => eventPages(workerScope, q, [second], page));
    const delays = events.filter(({ kind }) => kind === 'JOB_DELAYED');
    expect(delays.map(({ data }) => data)).toEqual([
      expect.objectContaining({ job: 1, code: 'waiting_for_turn' }),
    ]);
    sending.release();
    await busy;
  });

  it('waits for a lost one of its size, and one of another size does not', async () => {
    emulator.faults.add({ operation: 'create', effect: { kind: 'drop' } });
    const lost = await make(2);
    await service.work();
    const same = await make(2);
    const unlike = await make(3);
    await service.work();
    expect([await status(lost), await status(same)]).toEqual(['UNKNOWN', 'CREATED']);
    expect(await jobNow(services, unlike)).toMatchObject({ providerJobId: expect.any(String) });
    await service.turn(719, 60);
    expect([await status(lost), await status(same)]).toEqual(['UNKNOWN', 'CREATED']);
    // Nothing of the lost one can appear any more: both go, one after the other.
    await service.turn(1, 1);
    await service.turn(60, 10);
    for (const id of [lost, same])
      expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED' });
  });

  it('does not wait for one that waits for a person', async () => {
    emulator.faults.add({ operation: 'create', effect: { kind: 'drop' } });
    const lost = await make(2);
    await service.work();
    emulator.faults.add({
      operation: 'list',
      effect: { kind: 'answer', status: 500 },
      times: Number.POSITIVE_INFINITY,
    });
    const same = await make(2);
    await service.turn(725, 145);
    expect(await status(lost)).toBe('UNKNOWN');
    await service.turn(60, 30);
    expect(await batchNow(services, same)).toMatchObject({ status: 'COMPLETED' });
  });

  it('is sent in the order in which it came, when many wait', async () => {
    const sending = holdNext(emulator, 'create');
    await make(1);
    const busy = work(services);
    await sending.arrived;
    const ids: string[] = [];
    for (const count of [2, 3, 4, 5]) {
      service.clock.advance({ seconds: 1 });
      ids.push(await make(count));
    }
    await work(other.services);
    sending.release();
    await busy;
    await work(other.services);
    const sent = (await emulator.batches()).slice(-4).map(({ requestCount }) => requestCount);
    expect(sent).toEqual([2, 3, 4, 5]);
  });

  it('waits for nobody at a provider that shows a key', async () => {
    const openai = service.emulator('openai');
    const sending = holdNext(openai, 'create');
    await makeBatch(services, scope);
    const busy = work(services);
    await sending.arrived;
    const { id } = await makeBatch(services, scope);
    await work(other.services);
    expect(await jobNow(services, id)).toMatchObject({ providerJobId: expect.any(String) });
    sending.release();
    await busy;
  });
});

describe('Many jobs for Anthropic, sent by two processes through any faults', () => {
  const effects: Record<string, { operation: string; effect: FaultEffect }> = {
    lost: { operation: 'create', effect: { kind: 'drop' } },
    unanswered: { operation: 'create', effect: { kind: 'accept-and-drop' } },
    failing: { operation: 'create', effect: { kind: 'answer', status: 500 } },
    throttled: { operation: 'create', effect: { kind: 'answer', status: 429 } },
    unreadable: { operation: 'create', effect: { kind: 'rewrite', rewrite: () => 'no' } },
    unlisted: { operation: 'list', effect: { kind: 'answer', status: 503 } },
    unseen: { operation: 'retrieve', effect: { kind: 'drop' } },
  };
  const plan = fc.record({
    counts: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 5 }),
    faults: fc.array(
      fc.record({ name: fc.constantFrom(...Object.keys(effects)), after: fc.integer({ min: 0, max: 3 }) }),
      { maxLength: 5 },
    ),
    pauses: fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 4, maxLength: 4 }),
  });

  it('are each there once, and each has its own', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ counts, faults, pauses }) => {
        for (const { name, after } of faults) {
          const fault = effects[name];
          if (fault !== undefined) emulator.faults.add({ ...fault, after });
        }
        const ids: string[] = [];
        for (const count of counts) ids.push(await make(count));
        for (const seconds of pauses) {
          await Promise.all([work(services), work(other.services)]);
          service.clock.advance({ seconds });
        }
        emulator.faults.clear();
        await service.turn(4800, 600);
        const made = await emulator.batches();
        for (const id of ids) {
          const { nonce, providerJobId } = await jobNow(services, id);
          const own = made.filter(({ keys }) => keys.some((key) => key.startsWith(nonce)));
          expect(own.map((batch) => batch.id)).toEqual([providerJobId]);
          expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED' });
        }
        service.clock.advance({ hours: 1 });
      }),
      { seed: 42, numRuns: runs },
    );
    countTried('seeds', runs);
  });
});
