/** A budget as callers see it: set by admins, refused in numbers, told in advance by a dry run, and live as a warning. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plus, times } from '../../src/domain/decimal.ts';
import { messageBody } from '../support/documents.ts';
import { batchesUpdatedDocument } from '../support/live.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';

let service: TestService;
let key: string;
/** The most that one request may cost. */
let price: string;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  ({ key } = await service.addOrganization('budgeted'));
  const { cost } = await create(1, { dryRun: true });
  price = cost.high;
});
afterAll(() => service.close());

const call = (name: string, input: Record<string, unknown>, batch?: string) =>
  mutate(service, name, input, { key, ...(batch === undefined ? {} : { batch }) });
const create = (count: number, more: Record<string, unknown> = {}) =>
  call(
    'createBatch',
    {
      provider: 'anthropic',
      submit: 'NOW',
      requests: { list: Array.from({ length: count }, () => ({ body: messageBody('Hello') })) },
      ...more,
    },
    'id status reserved error { code message }',
  );
const allow = (count: number) => call('setBudget', { limit: times(price, String(count)) });
const budget = async (own = key) => {
  const { data } = await service.query(
    '{ viewer { budget { month limit spent unpriced reserved unreserved remaining warnedAt currency } } }',
    {},
    own,
  );
  return data.viewer.budget;
};

describe('A budget', () => {
  it('is none until an admin sets one; what is spent and held is told all the same', async () => {
    expect(await budget()).toEqual({
      ...{ month: '2026-11', limit: null, spent: '0', unpriced: 0, reserved: '0', unreserved: 0 },
      ...{ remaining: null, warnedAt: null, currency: 'USD' },
    });
    expect(await call('setBudget', { limit: '12.50' })).toMatchObject({
      __typename: 'SetBudgetPayload',
      budget: { limit: '12.5', remaining: '12.5' },
    });
    expect(await call('setBudget', {})).toMatchObject({
      __typename: 'ValidationError',
      issues: [{ path: ['input', 'limit'], line: null }],
    });
    expect(await call('setBudget', { limit: null })).toMatchObject({
      budget: { limit: null, remaining: null },
    });
  });

  it('refuses what does not fit, as a dry run tells beforehand, and only that organization', async () => {
    await allow(3);
    const { batch } = await create(2);
    expect(batch.reserved).toBe(times(price, '2'));
    const refusal = {
      budget: times(price, '3'),
      spent: '0',
      reserved: times(price, '2'),
      estimated: times(price, '2'),
      month: '2026-11',
    };
    const dry = await create(2, { dryRun: true });
    expect(dry).toMatchObject({ accepted: false, issueCount: 0, jobCount: 1, budgetExceeded: refusal });
    expect(await create(2, { dryRun: true, submit: 'MANUAL' })).toMatchObject({
      accepted: true,
      budgetExceeded: refusal,
    });
    expect(await create(1, { dryRun: true })).toMatchObject({ accepted: true, budgetExceeded: null });
    const refused = await create(2);
    expect(refused).toMatchObject({ __typename: 'BudgetExceeded', code: 'BUDGET_EXCEEDED', ...refusal });
    expect(refused.message).toBe(dry.budgetExceeded.message);
    const { key: another } = await service.addOrganization('another');
    expect(await budget(another)).toMatchObject({ limit: null, reserved: '0' });
    await service.work();
    await service.turn(20, 5);
    const { spent, reserved, remaining } = await budget();
    expect([reserved, plus(spent, remaining)]).toEqual(['0', times(price, '3')]);
  });

  it('lets a batch that closes by a rule stay open, and tells why', async () => {
    await allow(1);
    const { batch } = await create(3, { submit: 'WHEN', when: { requests: 3 } });
    expect(batch).toMatchObject({
      status: 'ACCUMULATING',
      reserved: '0',
      error: { code: 'budget_exceeded' },
    });
    await call('cancelBatch', { batchId: batch.id });
  });

  it('is told to be nearly used to whoever follows the organization’s batches', async () => {
    service.clock.advance({ hours: 24 * 10 });
    await allow(5);
    const subscriber = subscribeByWebSocket({
      url: service.url,
      query: batchesUpdatedDocument,
      variables: {},
      key,
    });
    try {
      // The feed tells what happens from when it is open on.
      while (subscriber.messages.length === 0) await create(1, { submit: 'MANUAL' });
      const { batch } = await create(4);
      const warned = await subscriber.waitFor(({ batchesUpdated }) =>
        batchesUpdated.kinds.includes('BUDGET_WARNING'),
      );
      expect(warned.batchesUpdated.batchId).toBe(batch.id);
      expect((await budget()).warnedAt).toBe(service.clock.now().toISOString());
      const { data } = await service.query(
        'query($id: ID!) { batch(id: $id) { events(last: 1) { edges { node { kind data } } } } }',
        { id: batch.id },
        key,
      );
      const limit = times(price, '5');
      expect(data.batch.events.edges[0].node).toEqual({
        kind: 'BUDGET_WARNING',
        data: { status: 'SUBMITTED', month: '2026-12', limit, spent: '0', reserved: times(price, '4') },
      });
    } finally {
      await subscriber.stop();
    }
  });
});
