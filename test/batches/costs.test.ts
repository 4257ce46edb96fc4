/** What results cost is stored with them and summed into their batch once, whatever is read twice or tried again. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addRequests } from '../../src/batches/add-requests.ts';
import { createBatch } from '../../src/batches/create.ts';
import { retryBatch } from '../../src/batches/retry.ts';
import type { RequestsInput } from '../../src/domain/batch-input.ts';
import { costOf } from '../../src/domain/cost.ts';
import { plusKnown } from '../../src/domain/decimal.ts';
import type { JsonObject } from '../../src/domain/json-line.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Services } from '../../src/services.ts';
import { messageBody } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, itemsNow, jobNow, makeBatch, requestsOf, workAt } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  ({ scope } = await service.addOrganization('costs'));
});
afterEach(async () => {
  for (const emulator of service.app.emulators.values()) emulator.faults.clear();
  await expectInvariants(services.db);
});
afterAll(() => service.close());

const finish = async () => {
  await service.work();
  await service.turn(20, 5);
};
const submitBodies = async (provider: string, bodies: readonly JsonObject[]) => {
  const requests: RequestsInput = { kind: 'list', requests: bodies.map((body) => ({ body })) };
  const { batch } = await createBatch(services, scope, { provider, submit: { kind: 'NOW' }, requests });
  await finish();
  return batch.id;
};
const costsOf = async (id: string) => (await itemsNow(services, id)).map(({ cost }) => cost);

describe('The cost of results', () => {
  it('is what their tokens cost at the price of their model, with them and in sum', async () => {
    const { id } = await makeBatch(services, scope, { texts: ['one', 'a somewhat longer question'] });
    expect(await batchNow(services, id)).toMatchObject({ cost: null, saved: null, unpriced: 0 });
    await finish();
    const items = await itemsNow(services, id);
    const perMillion = { input: 0.25, output: 2 };
    for (const { cost, saved, inputTokens, outputTokens } of items) {
      const expected =
        ((inputTokens ?? Number.NaN) * perMillion.input + (outputTokens ?? Number.NaN) * perMillion.output) /
        2e6;
      expect(Number(cost)).toBeCloseTo(expected, 15);
      expect(saved).toBe(cost);
    }
    const sum = items.reduce<string | null>((total, { cost }) => plusKnown(total, cost), null);
    expect(await batchNow(services, id)).toMatchObject({ cost: sum, saved: sum, unpriced: 0 });
  });

  it('is by the model of each request where a job mixes models', async () => {
    const models = ['claude-haiku-4-5', 'claude-nonsense', 'claude-opus-4-1'];
    const id = await submitBodies(
      'anthropic',
      models.map((model) => ({ ...messageBody('same'), model })),
    );
    expect((await jobNow(services, id)).model).toBeNull();
    const [haiku, nonsense, opus] = await costsOf(id);
    expect(nonsense).toBeNull();
    // 1 and 5 dollars against 15 and 75, for the same tokens.
    expect(Number(opus)).toBeCloseTo(15 * Number(haiku), 15);
    expect(await batchNow(services, id)).toMatchObject({
      cost: plusKnown(haiku ?? null, opus ?? null),
      unpriced: 1,
    });
  });

  it('is unknown, never zero, where nobody knows a price', async () => {
    const id = await submitBodies('openai', [
      { model: 'gpt-nonsense', messages: [{ role: 'user', content: 'x' }] },
    ]);
    expect(await costsOf(id)).toEqual([null]);
    expect(await batchNow(services, id)).toMatchObject({
      succeeded: 1,
      cost: null,
      saved: null,
      unpriced: 1,
    });
  });

  it('is unknown of what failed without using anything, which counts as no answer without a price', async () => {
    const { id } = await makeBatch(services, scope, {
      texts: ['fine', 'bad emulate:errored', 'late emulate:expired'],
    });
    await finish();
    const [fine, ...others] = await costsOf(id);
    expect(fine).not.toBeNull();
    expect(others).toEqual([null, null]);
    expect(await batchNow(services, id)).toMatchObject({ cost: fine, unpriced: 0 });
  });

  it('is what the provider says that it took where it says so', async () => {
    const { id } = await makeBatch(services, scope, { provider: 'xai', texts: ['one'] });
    await finish();
    const [item] = await itemsNow(services, id);
    expect(item).toMatchObject({ status: 'SUCCEEDED' });
    const tokens = (item?.inputTokens ?? 0) + (item?.outputTokens ?? 0);
    // The emulator takes 5,000 ticks of 1e-10 dollars for a token.
    expect(Number(item?.cost)).toBeCloseTo(tokens * 5e-7, 15);
  });

  it('counts once where a reading breaks off and begins anew', async () => {
    const texts = Array.from({ length: 60 }, (_, index) => `request ${index}`);
    const { id } = await makeBatch(services, scope, { texts });
    await service.work();
    service
      .emulator('openai')
      .faults.add({ operation: 'content', effect: { kind: 'tear', afterBytes: 15_000 } });
    await service.turn(10, 10);
    const half = await batchNow(services, id);
    expect(half.succeeded).toBeGreaterThan(5);
    expect(half.succeeded).toBeLessThan(60);
    await expectInvariants(services.db);
    await workAt(service, (await jobNow(services, id)).dueAt);
    const whole = await batchNow(services, id);
    const items = await itemsNow(services, id);
    expect(whole.cost).toBe(items.reduce<string | null>((sum, { cost }) => plusKnown(sum, cost), null));
    const price = services.prices.find(
      services.providers.find('openai')!.provider,
      'gpt-5-mini',
      service.clock.now(),
    );
    expect(costOf({ ...whole }, price).cost).toBe(whole.cost);
  });

  it('goes on from that of earlier attempts where requests are tried again', async () => {
    const { id } = await makeBatch(services, scope, { texts: ['fine', 'busy emulate:overloaded'] });
    await finish();
    const first = await batchNow(services, id);
    await retryBatch(services, scope, id, {});
    expect(await batchNow(services, id)).toMatchObject({ cost: first.cost, saved: first.saved });
    await finish();
    expect(await batchNow(services, id)).toMatchObject({ attempts: 2, cost: first.cost });
  });
});

describe('The estimate of a batch', () => {
  it('holds what it comes to, and grows with each call that adds requests', async () => {
    const bounded = { ...messageBody('How many?'), max_tokens: 1000 };
    const requests: RequestsInput = { kind: 'list', requests: [{ body: bounded }] };
    const submit = { kind: 'MANUAL' } as const;
    const { batch } = await createBatch(services, scope, { provider: 'anthropic', submit, requests });
    expect(Number(batch.estimatedCostLow)).toBeGreaterThan(0);
    const { batch: twice } = await addRequests(services, scope, batch.id, { requests });
    expect(Number(twice.estimatedCostHigh)).toBeCloseTo(2 * Number(batch.estimatedCostHigh), 15);
    const id = await submitBodies('anthropic', [bounded]);
    const { cost, estimatedCostLow, estimatedCostHigh } = await batchNow(services, id);
    expect(Number(cost)).toBeGreaterThanOrEqual(Number(estimatedCostLow));
    expect(Number(cost)).toBeLessThanOrEqual(Number(estimatedCostHigh));
  });

  it('has no upper end where requests bound no answer, and is unknown from the first request that cannot be told', async () => {
    const { batch } = await createBatch(services, scope, { provider: 'openai', submit: { kind: 'MANUAL' } });
    expect(batch).toMatchObject({ estimatedCostLow: null, estimatedCostHigh: null });
    const add = async (requests: RequestsInput) =>
      (await addRequests(services, scope, batch.id, { requests })).batch;
    const first = await add(requestsOf(['one']));
    expect(Number(first.estimatedCostLow)).toBeGreaterThan(0);
    expect(first.estimatedCostHigh).toBeNull();
    const nonsense = { model: 'gpt-nonsense', messages: [{ role: 'user', content: 'x' }] };
    const second = await add({ kind: 'list', requests: [{ body: nonsense }] });
    expect(second.estimatedCostLow).toBeNull();
    expect(await add(requestsOf(['three']))).toMatchObject({ estimatedCostLow: null });
  });
});
