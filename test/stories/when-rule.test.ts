import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatBody } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeBySse } from '../support/subscribers.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '5' });
});
afterAll(async () => {
  await expectInvariants(service.app.services.db);
  await service.close();
});

const seen = 'id status counts { total pending } closedAt jobs { totalCount }';
const list = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ body: chatBody(`question ${index}`) }));
const create = async (when: Record<string, number>) => {
  const input = { provider: 'openai', submit: 'WHEN', when };
  return (await mutate(service, 'createBatch', input, { batch: seen })).batch.id as string;
};
const add = async (batchId: string, count: number) =>
  mutate(service, 'addRequests', { batchId, requests: { list: list(count) } }, { batch: seen });

describe('A batch with rules of its own', () => {
  it('closes after the call that reaches its number of requests, whole calls only, and is sent', async () => {
    const id = await create({ requests: 5, seconds: 3600 });
    expect((await add(id, 3)).batch).toMatchObject({ status: 'ACCUMULATING', counts: { total: 3 } });
    expect((await add(id, 4)).batch).toMatchObject({
      status: 'SUBMITTED',
      counts: { total: 7, pending: 7 },
      closedAt: service.clock.now().toISOString(),
      jobs: { totalCount: 1 },
    });
    expect(await add(id, 1)).toMatchObject({ __typename: 'BatchStateError', code: 'WRONG_BATCH_STATE' });
    await service.work();
    await service.turn(20, 10);
    const [sent] = await service.emulator('openai').batches();
    expect(sent?.requestCount).toBe(7);
    const { data } = await service.query(
      'query($id: ID!) { batch(id: $id) { status counts { succeeded } } }',
      {
        id,
      },
    );
    expect(data.batch).toEqual({ status: 'COMPLETED', counts: { succeeded: 7 } });
  });

  it('closes by its timer, counted from its first request, and tells whoever follows it', async () => {
    const id = await create({ requests: 100, seconds: 60 });
    const follower = subscribeBySse({
      url: service.url,
      query: `subscription($id: ID!) { batchUpdated(id: $id) { kinds at batch { status counts { total } } } }`,
      variables: { id },
    });
    await follower.waitFor(({ batchUpdated }) => batchUpdated.kinds.includes('SNAPSHOT'));
    await service.turn(120, 60);
    expect((await add(id, 1)).batch.status).toBe('ACCUMULATING');
    await service.turn(59, 59);
    expect((await add(id, 1)).batch.status).toBe('ACCUMULATING');
    service.clock.advance({ seconds: 1 });
    const closing = service.clock.now();
    await service.work();
    const told = await follower.waitFor(({ batchUpdated }) => batchUpdated.kinds.includes('BATCH_CLOSED'));
    expect(told.batchUpdated.batch.counts).toEqual({ total: 2 });
    const { data } = await service.query('query($id: ID!) { batch(id: $id) { closedAt } }', { id });
    expect(data.batch.closedAt).toBe(closing.toISOString());
    await service.turn(20, 10);
    await follower.done;
    expect(follower.messages.at(-1).data.batchUpdated.batch.status).toBe('COMPLETED');
    await follower.stop();
  });
});
