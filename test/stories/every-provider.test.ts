/**
 * One story, told of every provider: requests go in by GraphQL in the caller's order and come out in it, each with
 * its own answer, whatever the provider's wire, limits and order are. And the two that pay: a lost answer never makes
 * a second batch, and results that are there early are seen early.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import type { Provider } from '../../src/providers/provider.ts';
import { providers } from '../../src/providers/registry.ts';
import { bodyFor, modelFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '20' });
});
afterEach(() => expectInvariants(service.app.services.db));
afterAll(() => service.close());

/** As few requests as a job of the provider may have, and three more; the second is refused by it. */
function requestsFor({ name, limits }: Provider) {
  return Array.from({ length: limits.requestsMin + 3 }, (_, index) => ({
    customId: `request ${1000 - index}`,
    body: bodyFor(name, `question ${index}`, index === 1 ? 'emulate:errored' : '', index),
  }));
}

const create = async (provider: Provider, list: ReturnType<typeof requestsFor>): Promise<string> => {
  const input = { provider: provider.name, ...modelFor(provider.name), submit: 'NOW', requests: { list } };
  const answer = await mutate(service, 'createBatch', input);
  expect(answer).toMatchObject({ __typename: 'CreateBatchPayload' });
  return answer.batch.id;
};

const batchDocument = `query($id: ID!) { batch(id: $id) {
  status counts { total pending submitted succeeded errored expired cancelled } usage { inputTokens outputTokens }
  jobs(first: 10) { edges { node { number status providerJobId providerStatus requestCount raw error { code } } } }
  items(first: 1000) { edges { node { customId status text response error { code retryable } usage { outputTokens } } } }
  outputUrl errorUrl } }`;
const look = async (id: string) => (await service.query(batchDocument, { id })).data.batch;

const download = async (url: string): Promise<{ customId: string; response: unknown }[]> => {
  const response = await fetch(url, { headers: { authorization: `Bearer ${sandboxKey}` } });
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
};

const named = providers.map((provider) => [provider.name, provider] as const);

describe.each(named)('A batch for %s', (_name, provider) => {
  it('comes back in the caller’s order, each request with its own answer, in one shape', async () => {
    const list = requestsFor(provider);
    const id = await create(provider, list);
    await service.work();
    await service.turn(60);
    const batch = await look(id);
    expect(batch).toMatchObject({
      status: 'COMPLETED',
      counts: { total: list.length, succeeded: list.length - 1, errored: 1, submitted: 0, pending: 0 },
    });
    const items = batch.items.edges.map(({ node }: { node: { customId: string } }) => node);
    expect(items.map(({ customId }: { customId: string }) => customId)).toEqual(
      list.map(({ customId }) => customId),
    );
    const { tells } = provider.capabilities;
    for (const [index, item] of items.entries()) {
      if (index === 1) {
        expect(item).toMatchObject({ status: 'ERRORED', text: null, error: { code: expect.any(String) } });
        continue;
      }
      expect(item).toMatchObject({ status: 'SUCCEEDED', error: null, response: expect.anything() });
      expect(item.text !== null).toBe(tells.includes('text'));
      expect(item.usage.outputTokens !== null).toBe(tells.includes('tokens'));
    }
    expect((batch.usage.outputTokens ?? 0) > 0).toBe(tells.includes('tokens'));
    const lines = await download(batch.outputUrl);
    expect(lines.map(({ customId }) => customId)).toEqual(
      list.filter((_, index) => index !== 1).map(({ customId }) => customId),
    );
    for (const { node } of batch.jobs.edges) expect(node).toMatchObject({ status: 'COMPLETED', error: null });
  });
});

const recoverable = named.filter(([, { capabilities }]) => capabilities.recovery !== 'NONE');

describe.each(recoverable)('An answer of %s that is lost after it made the batch', (name, provider) => {
  it('is found again: one batch there, one call that made it, one answer for each request here', async () => {
    const emulator = service.emulator(name);
    const { create: operation } = emulator.operations;
    const before = (await emulator.batches()).length;
    const calls = () => emulator.calls.filter((call) => call.operation === operation).length;
    const callsBefore = calls();
    emulator.faults.add({ operation, effect: { kind: 'accept-and-drop' } });
    const id = await create(provider, requestsFor(provider));
    await service.work();
    // Long enough that an absent batch would be sent again.
    await service.turn(1_200, 30);
    expect(await look(id)).toMatchObject({ status: 'COMPLETED', counts: { errored: 1, submitted: 0 } });
    expect((await emulator.batches()).length - before).toBe(1);
    expect(calls() - callsBefore).toBe(1);
  });
});

const early = named.filter(([, { capabilities }]) => capabilities.partialResults);

describe.each(early)('A running batch for %s', (_name, provider) => {
  it('finishes item by item: subscribers see answers before the job is over, and each exactly once', async () => {
    const list = Array.from({ length: 12 }, (_, index) => ({
      customId: `early ${index}`,
      body: bodyFor(provider.name, `early ${index}`, '', index),
    }));
    const id = await create(provider, list);
    const subscriber = subscribeByWebSocket({
      url: service.url,
      query: `subscription($id: ID!) { batchItemsFinished(batchId: $id) { items { customId status } } }`,
      variables: { id },
    });
    await service.work();
    const seen: number[] = [];
    for (let second = 0; second < 60; second += 2) {
      await service.turn(2, 2);
      const { status, counts } = await look(id);
      if (status === 'IN_PROGRESS') seen.push(counts.succeeded);
    }
    expect(await look(id)).toMatchObject({ status: 'COMPLETED', counts: { succeeded: 12 } });
    expect(seen).toEqual([...seen].sort((one, other) => one - other));
    expect(new Set(seen.filter((count) => count > 0 && count < 12)).size).toBeGreaterThan(2);
    await subscriber.done;
    const told = subscriber.messages.flatMap(({ data }) => data.batchItemsFinished.items);
    expect(told.map(({ customId }) => customId).sort()).toEqual(list.map(({ customId }) => customId).sort());
  });
});
