/** What an organization spends, by day, provider and model: each result once, and nobody else's. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plusKnown } from '../../src/domain/decimal.ts';
import { messageBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { argumentError } from '../support/refusals.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let key: string;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  ({ key } = await service.addOrganization('spending'));
});
afterAll(() => service.close());

const document = `query($from: Date, $to: Date) { viewer { organization { spend(from: $from, to: $to) {
  day provider model sandbox succeeded cost savedAgainstRealtime unpriced currency usage { inputTokens outputTokens } } } } }`;

async function spend(days: { from?: string; to?: string } = {}, own = key) {
  const { data, errors } = await service.query(document, days, own);
  expect(errors).toBeUndefined();
  return data.viewer.organization.spend;
}

async function finish(provider: string, bodies: readonly object[]) {
  const list = bodies.map((body) => ({ body }));
  const input = { provider, submit: 'NOW', requests: { list } };
  const { batch } = await mutate(service, 'createBatch', input, { key });
  await service.work();
  await service.turn(20, 5);
  const { data } = await service.query(
    `query($id: ID!) { batch(id: $id) { status cost { actual } usage { inputTokens outputTokens }
      items(first: 10) { edges { node { model cost { actual savedAgainstRealtime } } } } } }`,
    { id: batch.id },
    key,
  );
  return { id: batch.id, ...data.batch };
}

describe('The spend of an organization', () => {
  it('is by the models that requests name, also where a job mixes them; unknown is null and counted', async () => {
    const models = ['claude-haiku-4-5', 'claude-nonsense', 'claude-haiku-4-5'];
    const batch = await finish(
      'anthropic',
      models.map((model) => ({ ...messageBody('same'), model })),
    );
    const [one, , other] = batch.items.edges.map(({ node }: { node: { cost: object } }) => node.cost);
    const told = await spend();
    const common = { day: '2026-11-23', provider: 'anthropic', sandbox: true, currency: 'USD' };
    expect(told).toMatchObject([
      {
        ...common,
        model: 'claude-haiku-4-5',
        succeeded: 2,
        unpriced: 0,
        cost: plusKnown(one.actual, other.actual),
        savedAgainstRealtime: plusKnown(one.savedAgainstRealtime, other.savedAgainstRealtime),
      },
      {
        ...common,
        model: 'claude-nonsense',
        succeeded: 1,
        unpriced: 1,
        cost: null,
        savedAgainstRealtime: null,
      },
    ]);
    const input = told.reduce(
      (sum: number, { usage }: { usage: { inputTokens: number } }) => sum + usage.inputTokens,
      0,
    );
    expect(input).toBe(batch.usage.inputTokens);
  });

  it('is of the day in UTC on which results come, and keeps what a deleted batch cost', async () => {
    service.clock.advance({ hours: 24 });
    const body = { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'tomorrow' }] };
    const first = await finish('openai', [body]);
    const second = await finish('openai', [
      body,
      { ...body, messages: [{ role: 'user', content: 'x emulate:errored' }] },
    ]);
    const day = { from: '2026-11-24', to: '2026-11-24' };
    const told = await spend(day);
    expect(told).toMatchObject([
      {
        day: '2026-11-24',
        provider: 'openai',
        model: 'gpt-5-mini',
        succeeded: 2,
        cost: plusKnown(first.cost.actual, second.cost.actual),
      },
    ]);
    await mutate(service, 'deleteBatch', { batchId: first.id }, { key });
    expect(await spend(day)).toEqual(told);
    expect(await spend({ from: '2026-11-25' })).toEqual([]);
    expect(await spend({ to: '2026-11-23' })).toHaveLength(2);
  });

  it('is nobody else’s', async () => {
    const { key: another } = await service.addOrganization('another');
    expect(await spend({}, another)).toEqual([]);
    expect(await spend()).toHaveLength(3);
  });

  it('is refused for more than a year at once', async () => {
    const { errors } = await service.query(document, { from: '2025-01-01', to: '2026-01-02' }, key);
    const message = '"from" and "to" must be at most 366 days apart.';
    expect(errors).toEqual(argumentError('from', message, ['viewer', 'organization', 'spend']));
    expect(await spend({ from: '2025-01-01', to: '2026-01-01' })).toEqual([]);
  });
});
