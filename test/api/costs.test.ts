/** What batches, items and attempts answer when they are asked what they cost. */
import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plus } from '../../src/domain/decimal.ts';
import { messageBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  const page = readFileSync(new URL('../../docs/cost.md', import.meta.url), 'utf8');
  const [, prices = ''] = /<!-- prices: read -->\n```json\n(.*?)```/s.exec(page) ?? [];
  const path = join(await mkdtemp(join(tmpdir(), 'batchql-prices-')), 'prices.json');
  await writeFile(path, prices);
  service = await startTestService({ PRICES_FILE: path });
});
afterAll(() => service.close());

const cost = 'cost { estimated { low high } actual savedAgainstRealtime unpriced currency }';
const document = `query($id: ID!) { batch(id: $id) { ${cost}
  items(first: 10) { edges { node { model usage { inputTokens outputTokens } ${cost}
    attempts(first: 10) { edges { node { attempt ${cost} } } } } } } } }`;

async function batchOf(provider: string, bodies: readonly object[]) {
  const list = bodies.map((body) => ({ body }));
  const { batch } = await mutate(service, 'createBatch', { provider, submit: 'NOW', requests: { list } });
  const look = async () => {
    const { data } = await service.query(document, { id: batch.id });
    const items = data.batch.items.edges.map(({ node }: { node: object }) => node);
    return { batch: data.batch, items };
  };
  return { id: batch.id, look };
}

const finish = async () => {
  await service.work();
  await service.turn(60, 15);
};

describe('A cost', () => {
  it('is a range before anything is sent, and lies within it when all is answered', async () => {
    const { look } = await batchOf('anthropic', [
      messageBody('How many?'),
      messageBody('How much does it cost?'),
    ]);
    const before = await look();
    expect(before.batch.cost).toMatchObject({
      actual: null,
      savedAgainstRealtime: null,
      unpriced: 0,
      currency: 'USD',
    });
    const [one, other] = before.items.map((item: { cost: { estimated: object } }) => item.cost.estimated);
    expect(before.batch.cost.estimated).toEqual({
      low: plus(one.low, other.low),
      high: plus(one.high, other.high),
    });
    await finish();
    const after = await look();
    const { estimated, actual, savedAgainstRealtime } = after.batch.cost;
    expect(estimated).toEqual(before.batch.cost.estimated);
    expect(Number(actual)).toBeGreaterThanOrEqual(Number(estimated.low));
    expect(Number(actual)).toBeLessThanOrEqual(Number(estimated.high));
    expect(savedAgainstRealtime).toBe(actual);
    const [first, second] = after.items;
    expect(plus(first.cost.actual, second.cost.actual)).toBe(actual);
  });

  it('is that of the newest attempt of an item, each attempt having its own, and of all of them of the batch', async () => {
    const { id, look } = await batchOf('openai', [
      { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'busy emulate:overloaded' }] },
    ]);
    await finish();
    await mutate(service, 'retryBatch', { batchId: id });
    await finish();
    const { batch, items } = await look();
    const [{ attempts, ...item }] = items;
    const numbered = attempts.edges.map(({ node }: { node: { attempt: number } }) => node.attempt);
    expect(numbered).toEqual([1, 2]);
    expect(attempts.edges[1].node.cost).toEqual(item.cost);
    expect(batch.cost.estimated).toEqual(item.cost.estimated);
    expect(batch.cost.estimated.high).toBeNull();
  });

  it("is by the operator's own prices where there are any, as the page on costs shows them", async () => {
    const { look } = await batchOf('openai', [
      { model: 'gpt-5-mini', messages: [{ role: 'user', content: 'one' }] },
    ]);
    await finish();
    const { items } = await look();
    const [{ usage, cost: told }] = items;
    const realtime = usage.inputTokens * 0.2 + usage.outputTokens * 1.6;
    expect(Number(told.actual) * 1e6).toBeCloseTo(realtime * 0.45, 9);
    expect(Number(told.savedAgainstRealtime) * 1e6).toBeCloseTo(realtime * 0.55, 9);
  });

  it('is null and counted where nobody knows the price', async () => {
    const { look } = await batchOf('openai', [
      { model: 'gpt-nonsense', messages: [{ role: 'user', content: 'one' }] },
    ]);
    await finish();
    const { batch, items } = await look();
    const unknown = {
      estimated: null,
      actual: null,
      savedAgainstRealtime: null,
      unpriced: 1,
      currency: 'USD',
    };
    expect(batch.cost).toEqual(unknown);
    expect(items[0].cost).toEqual(unknown);
  });
});
