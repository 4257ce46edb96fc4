import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { bodyFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(async () => {
  await expectInvariants(service.app.services.db);
  await service.close();
});

const live = `subscription($id: ID!) { batchUpdated(id: $id) {
  seq fromSeq kinds batch { status counts { total succeeded cancelled } cancellingAt } } }`;
const report = `query($id: ID!) { batch(id: $id) {
  status counts { total pending submitted succeeded errored expired cancelled } outputUrl errorUrl
  jobs(first: 5) { edges { node { status } } }
  items(first: 50) { edges { node { customId status text error { code retryable } } } }
} }`;

const lineCount = async (url: string) => {
  const response = await fetch(url, { headers: { authorization: `Bearer ${sandboxKey}` } });
  return (await response.text()).split('\n').filter((line) => line !== '').length;
};

describe.each(['openai', 'anthropic'])('A batch for %s that is cancelled while it runs', (provider) => {
  it('tells its followers, keeps what was done, and cancels the rest', async () => {
    const list = Array.from({ length: 40 }, (_, index) => ({
      customId: `r${index}`,
      body: bodyFor(provider, `question ${index}`),
    }));
    const { batch: created } = await mutate(service, 'createBatch', {
      provider,
      submit: 'NOW',
      requests: { list },
    });
    const { id } = created;
    const follower = subscribeByWebSocket({ url: service.url, query: live, variables: { id } });
    await service.work();
    await service.turn(10, 5);

    const asked = await mutate(service, 'cancelBatch', { batchId: id });
    expect(asked.batch.status).toBe('CANCELLING');
    const twice = await mutate(service, 'cancelBatch', { batchId: id });
    expect(twice).toEqual(asked);
    await follower.waitFor(({ batchUpdated }) => batchUpdated.batch.status === 'CANCELLING');
    await service.work();
    await service.turn(10, 5);
    await follower.done;

    const { batch } = (await service.query(report, { id })).data;
    const { succeeded, cancelled, ...others } = batch.counts;
    expect(batch.status).toBe('COMPLETED');
    expect(others).toEqual({ total: 40, pending: 0, submitted: 0, errored: 0, expired: 0 });
    expect(succeeded + cancelled).toBe(40);
    expect(succeeded).toBeGreaterThan(5);
    expect(cancelled).toBeGreaterThan(5);
    expect(batch.jobs.edges).toEqual([{ node: { status: 'CANCELLED' } }]);
    for (const { node } of batch.items.edges) {
      if (node.status === 'SUCCEEDED') expect(node).toMatchObject({ text: expect.any(String), error: null });
      else expect(node).toMatchObject({ status: 'CANCELLED', text: null, error: { retryable: true } });
    }
    expect([await lineCount(batch.outputUrl), await lineCount(batch.errorUrl)]).toEqual([
      succeeded,
      cancelled,
    ]);

    const last = follower.messages.at(-1).data.batchUpdated;
    expect(last.batch).toMatchObject({ status: 'COMPLETED', counts: { total: 40, succeeded, cancelled } });
    expect(last.kinds).toContain('BATCH_ENDED');
    await follower.stop();
    const ended = await mutate(service, 'cancelBatch', { batchId: id });
    expect(ended.batch.status).toBe('COMPLETED');
  });
});
