/**
 * Budgets: what is submitted fits into them, whoever submits it at the same time; what is held turns into what is spent,
 * once; what does not fit is refused, waits or ends, and says so; a warning comes once a month.
 */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addRequests } from '../../src/batches/add-requests.ts';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { createBatch } from '../../src/batches/create.ts';
import { retryBatch } from '../../src/batches/retry.ts';
import { submitBatch } from '../../src/batches/submit.ts';
import { countBatches } from '../../src/db/queries/batch-pages.ts';
import { findWarning, monthUse } from '../../src/db/queries/budgets.ts';
import type { SubmitRule } from '../../src/domain/accumulation.ts';
import type { RequestsInput } from '../../src/domain/batch-input.ts';
import { type Decimal, plus, times } from '../../src/domain/decimal.ts';
import { monthOf } from '../../src/domain/month.ts';
import type { RetryPolicy } from '../../src/domain/retry.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import { BudgetExceededError } from '../../src/errors.ts';
import { setBudget } from '../../src/keys/set-budget.ts';
import type { Services } from '../../src/services.ts';
import { makeBusy } from '../support/busy-provider.ts';
import { expectInvariants } from '../support/invariants.ts';
import { committedEvents } from '../support/live.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
/** The most that one request of `make` may cost. */
let price: Decimal;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  ({ scope } = await service.addOrganization('priced'));
  price = (await make(['x'], { kind: 'MANUAL' })).estimatedCostHigh ?? '?';
});
beforeEach(async () => {
  ({ scope } = await service.addOrganization('budgeted'));
});
afterEach(async () => {
  for (const emulator of service.app.emulators.values()) emulator.faults.clear();
  await expectInvariants(services.db);
});
afterAll(() => service.close());

const requests = (texts: readonly string[]): RequestsInput => ({
  kind: 'list',
  requests: texts.map((content) => ({
    body: { model: 'gpt-5-mini', max_completion_tokens: 1000, messages: [{ role: 'user', content }] },
  })),
});
async function make(texts: readonly string[], submit: SubmitRule = { kind: 'NOW' }, retry?: RetryPolicy) {
  const wish = { provider: 'openai', submit, requests: requests(texts) };
  const { batch } = await createBatch(services, scope, retry === undefined ? wish : { ...wish, retry });
  return batch;
}
const allow = (count: number | null) =>
  setBudget(services, scope, scope.organizationId, {
    limit: count === null ? null : times(price, String(count)),
  });
const month = () => ({ ...scope, month: monthOf(service.clock.now()), sandbox: true });
const used = () => services.db.read((q) => monthUse(scope, q, month()));
const finish = async () => {
  await service.work();
  await service.turn(20, 5);
};
const kindsOf = async (id: string) => (await committedEvents(service, id)).map(({ kind }) => kind);
const warningsOf = async (...ids: string[]) =>
  (await Promise.all(ids.map(kindsOf))).flat().filter((kind) => kind === 'BUDGET_WARNING').length;
const isRefused = (work: Promise<unknown>) => expect(work).rejects.toThrow(BudgetExceededError);

describe('A submission', () => {
  it('holds the most that it may cost, which turns into what its results cost and is free at the end', async () => {
    const { id, reserved } = await make(['x', 'x', 'x emulate:errored']);
    expect(Number(reserved)).toBeGreaterThan(3 * Number(price));
    expect(await used()).toMatchObject({ spent: '0', reserved, unreserved: 0 });
    await finish();
    const { cost, reserved: left } = await batchNow(services, id);
    expect([left, Number(cost) < Number(reserved)]).toEqual([null, true]);
    expect(await used()).toMatchObject({ spent: cost, reserved: '0' });
  });

  it('counts as much as before with each part of its results, read twice or not', async () => {
    const texts = Array.from({ length: 60 }, () => 'x');
    const { id, reserved } = await make(texts);
    await service.work();
    const tear = { kind: 'tear', afterBytes: 15_000 } as const;
    service.emulator('openai').faults.add({ operation: 'content', effect: tear });
    await service.turn(10, 10);
    const half = await batchNow(services, id);
    expect([half.succeeded > 0, half.succeeded < 60]).toEqual([true, true]);
    const { spent, reserved: held } = await used();
    expect([spent, plus(spent, held)]).toEqual([half.cost, reserved]);
    await service.turn(120, 30);
    expect(await used()).toMatchObject({ spent: (await batchNow(services, id)).cost, reserved: '0' });
  });

  it('that does not fit is refused in numbers, and stores nothing or leaves the batch as it was', async () => {
    await allow(2);
    const open = await make(['x', 'x', 'x'], { kind: 'MANUAL' });
    const error = await submitBatch(services, scope, open.id).catch((refusal: unknown) => refusal);
    expect(error).toBeInstanceOf(BudgetExceededError);
    expect(error).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      refusal: {
        limit: times(price, '2'),
        spent: '0',
        reserved: '0',
        month: '2026-11',
        estimated: times(price, '3'),
      },
    });
    expect(await batchNow(services, open.id)).toEqual(open);
    const before = await services.db.read((q) => countBatches(scope, q, {}));
    await isRefused(make(['x', 'x', 'x']));
    expect(await services.db.read((q) => countBatches(scope, q, {}))).toBe(before);
    await make(['x', 'x']);
    await isRefused(make(['x']));
  });

  it('fits or does not, however many come at once: no more pass than have room', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 4 }), async (room) => {
        ({ scope } = await service.addOrganization('at once'));
        await allow(room);
        const open = await Promise.all(Array.from({ length: 6 }, () => make(['x'], { kind: 'MANUAL' })));
        const outcomes = await Promise.allSettled(open.map(({ id }) => submitBatch(services, scope, id)));
        expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(room);
        expect(await used()).toMatchObject({ reserved: times(price, String(room)) });
      }),
      { numRuns: 5 },
    );
  });

  it('of which nobody knows the cost holds nothing, is counted as such, and is refused when all is used up', async () => {
    await allow(1);
    const { reserved } = await makeBatch(services, scope);
    expect(reserved).toBeNull();
    expect(await used()).toMatchObject({ reserved: '0', unreserved: 1 });
    await make(['x']);
    await isRefused(makeBatch(services, scope));
    await finish();
    await makeBatch(services, scope);
  });

  it('has room again when what is under way is cancelled, and in the next month', async () => {
    await allow(2);
    const { id } = await make(['x', 'x']);
    await isRefused(make(['x']));
    await cancelBatch(services, scope, id);
    const again = await make(['x', 'x']);
    await finish();
    expect((await batchNow(services, again.id)).status).toBe('COMPLETED');
    await isRefused(make(['x', 'x']));
    service.clock.advance({ hours: 24 * 8 });
    await make(['x', 'x']);
    expect(await used()).toMatchObject({ spent: '0', reserved: times(price, '2') });
  });
});

describe('A batch that closes by a rule', () => {
  it('stays open where there is no room, takes more requests, says so once, and closes when there is', async () => {
    await allow(2);
    const { id, closedAt, errorCode } = await make(['x', 'x', 'x'], {
      kind: 'WHEN',
      requests: 3,
      bytes: null,
      seconds: null,
    });
    expect([closedAt, errorCode]).toEqual([null, 'budget_exceeded']);
    await addRequests(services, scope, id, { requests: requests(['x']) });
    await service.turn(300, 60);
    expect(await batchNow(services, id)).toMatchObject({ status: 'ACCUMULATING', total: 4 });
    expect((await kindsOf(id)).filter((kind) => kind === 'CLOSE_FAILED')).toHaveLength(1);
    await allow(4);
    await service.work();
    expect(await batchNow(services, id)).toMatchObject({ errorCode: null, reserved: times(price, '4') });
    await finish();
    expect((await batchNow(services, id)).status).toBe('COMPLETED');
  });

  it('closes by itself when what was in its way has ended', async () => {
    await allow(2);
    await make(['x', 'x']);
    const rule = { kind: 'WHEN', requests: null, bytes: null, seconds: 5 } as const;
    const { id } = await make(['x'], rule);
    await service.work();
    await service.turn(5);
    expect(await batchNow(services, id)).toMatchObject({
      status: 'ACCUMULATING',
      errorCode: 'budget_exceeded',
    });
    await service.turn(120, 20);
    expect((await batchNow(services, id)).status).toBe('COMPLETED');
  });
});

describe('A retry', () => {
  it('holds what the requests may cost that are tried again, and is refused where that does not fit', async () => {
    await allow(3);
    const calm = makeBusy(service, [1]);
    const { id } = await make(['x', 'x', 'x']);
    await finish();
    calm();
    const { cost } = await batchNow(services, id);
    await setBudget(services, scope, scope.organizationId, { limit: cost });
    await isRefused(retryBatch(services, scope, id, {}));
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', attempts: 1, reserved: null });
    await allow(3);
    await retryBatch(services, scope, id, {});
    expect(await used()).toMatchObject({ spent: cost, reserved: price });
    await finish();
    expect(await batchNow(services, id)).toMatchObject({ succeeded: 3, reserved: null });
  });

  it('by a policy that does not fit is not made: the batch ends, and tells why', async () => {
    const policy = { attempts: 3, backoffSeconds: 60 };
    for (const texts of [['x', 'x'], ['x']]) {
      await allow(2 * texts.length);
      makeBusy(service, [0]);
      const { id } = await make(texts, { kind: 'NOW' }, policy);
      // What is submitted beside it takes the room that its end would leave.
      await service.work();
      await setBudget(services, scope, scope.organizationId, { limit: '0' });
      await service.turn(20, 5);
      const batch = await batchNow(services, id);
      expect(batch).toMatchObject({ attempts: 1, errored: 1, errorCode: 'budget_exceeded', reserved: null });
      expect(batch.status).toBe(texts.length === 2 ? 'COMPLETED' : 'FAILED');
      expect(batch.errorMessage).toContain('The budget for 2026-');
      expect((await kindsOf(id)).at(-1)).toBe('BATCH_ENDED');
    }
  });
});

describe('A warning', () => {
  it('is told once a month, by the batch that brought its organization to four fifths, and again in the next', async () => {
    await allow(5);
    const first = await make(['x', 'x', 'x']);
    expect(await warningsOf(first.id)).toBe(0);
    const second = await make(['x']);
    expect(await kindsOf(second.id)).toContain('BUDGET_WARNING');
    const third = await make(['x']);
    expect(await warningsOf(first.id, second.id, third.id)).toBe(1);
    expect(await services.db.read((q) => findWarning(scope, q, month()))).toEqual(service.clock.now());
    await finish();
    service.clock.advance({ hours: 24 * 31 });
    const next = await make(['x', 'x', 'x', 'x']);
    expect(await warningsOf(next.id)).toBe(1);
  });

  it('comes with the results that cost more than anybody knew', async () => {
    const before = await makeBatch(services, scope, { texts: ['x', 'x'] });
    await finish();
    const { cost } = await batchNow(services, before.id);
    await setBudget(services, scope, scope.organizationId, { limit: times(cost ?? '?', '2.2') });
    const { id } = await makeBatch(services, scope, { texts: ['x', 'x'] });
    await service.work();
    expect(await warningsOf(id)).toBe(0);
    await service.turn(20, 5);
    expect((await kindsOf(id)).filter((kind) => /ENDED|WARNING/.test(kind))).toEqual([
      'BATCH_ENDED',
      'BUDGET_WARNING',
    ]);
  });

  it('is due again when a larger budget is near to its end, and stands at once where a smaller one is', async () => {
    const warned = () => services.db.read((q) => findWarning(workerScope, q, month()));
    await allow(10);
    const { id } = await make(['x', 'x', 'x', 'x']);
    await allow(4);
    expect([await warned(), await warningsOf(id)]).toEqual([service.clock.now(), 0]);
    await allow(8);
    expect(await warned()).toBeNull();
    expect(await warningsOf((await make(['x', 'x', 'x'])).id)).toBe(1);
    await allow(null);
    expect(await warned()).toBeNull();
  });
});
