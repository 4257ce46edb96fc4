/** When a batch is likely to be done, from how long others took. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { chatBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

async function submit(): Promise<string> {
  const input = { provider: 'openai', submit: 'NOW', requests: { list: [{ body: chatBody('How long?') }] } };
  const { batch } = await mutate(service, 'createBatch', input);
  return batch.id;
}

async function look(id: string) {
  const { data } = await service.query(
    'query($id: ID!) { batch(id: $id) { status submittedAt completedAt expectedCompletion jobs(first: 1) { edges { node { submittedAt completedAt } } } } }',
    { id },
  );
  return data.batch;
}

it('tells when a batch is likely to be done once three like it were measured, and no more when it is over', async () => {
  const measured = [await submit(), await submit(), await submit()];
  await service.work();
  expect(await look(measured[0] ?? '')).toMatchObject({ status: 'VALIDATING', expectedCompletion: null });
  await service.turn(60, 15);
  const took = await Promise.all(
    measured.map(async (id) => {
      const [{ node }] = (await look(id)).jobs.edges;
      return Date.parse(node.completedAt) - Date.parse(node.submittedAt);
    }),
  );
  const middle = took.toSorted((one, other) => one - other)[1] ?? 0;
  expect(middle).toBeGreaterThan(0);

  const id = await submit();
  const waiting = await look(id);
  expect(Date.parse(waiting.expectedCompletion)).toBe(service.clock.now().getTime() + middle);
  await service.work();
  const sent = await look(id);
  expect(Date.parse(sent.expectedCompletion) - Date.parse(sent.submittedAt)).toBe(middle);

  await service.turn(60, 15);
  expect(await look(id)).toMatchObject({ status: 'COMPLETED', expectedCompletion: null });
});
