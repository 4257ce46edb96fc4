import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyFor, createBatchDocument } from '../support/documents.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ COMPATIBLE_PROVIDERS: 'groq,together' });
});
afterAll(() => service.close());

describe.each(['openai', 'anthropic', 'anyapi', 'groq', 'together'])('a batch for %s', (provider) => {
  it('accumulates requests over several calls, is sent once, and gives every request its answer in order', async () => {
    const created = await service.query(createBatchDocument, { input: { provider, name: 'story' } });
    const { id } = created.data.createBatch.batch;
    for (const part of [0, 1, 2]) {
      const list = Array.from({ length: 4 }, (_, index) => ({
        customId: `part-${part}-${index}`,
        body: bodyFor(provider, `question ${part}-${index}`),
      }));
      const added = await service.query(
        `mutation($input: AddRequestsInput!) { addRequests(input: $input) { ... on AddRequestsPayload { batch { status counts { total pending } } } } }`,
        { input: { batchId: id, requests: { list } } },
      );
      expect(added.data.addRequests.batch).toEqual({
        status: 'ACCUMULATING',
        counts: { total: (part + 1) * 4, pending: (part + 1) * 4 },
      });
    }
    expect(await service.emulator(provider).batches()).toHaveLength(0);

    await service.query(`mutation($id: ID!) { submitBatch(input: { batchId: $id }) { __typename } }`, { id });
    await service.work();
    await service.turn(60);

    const { data } = await service.query(
      `query($id: ID!) { batch(id: $id) { status counts { total succeeded } jobs { totalCount }
        items(first: 20) { edges { node { customId status text usage { outputTokens } } } } } }`,
      { id },
    );
    expect(data.batch.status).toBe('COMPLETED');
    expect(data.batch.counts).toEqual({ total: 12, succeeded: 12 });
    expect(data.batch.jobs.totalCount).toBe(1);
    const items = data.batch.items.edges.map(({ node }: { node: { customId: string } }) => node);
    expect(items.map(({ customId }: { customId: string }) => customId)).toEqual(
      [0, 1, 2].flatMap((part) => [0, 1, 2, 3].map((index) => `part-${part}-${index}`)),
    );
    for (const item of items) {
      expect(item).toMatchObject({ status: 'SUCCEEDED', text: expect.any(String) });
      expect(item.usage.outputTokens).toBeGreaterThan(0);
    }
    expect(await service.emulator(provider).batches()).toHaveLength(1);
  });
});
