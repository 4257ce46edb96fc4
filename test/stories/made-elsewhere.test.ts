/** A batch that another program has sent to its provider: taken over by its id, its answers come as if it were ours. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openai } from '../../src/providers/openai/index.ts';
import { makeForeignBatch } from '../support/foreign-batches.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { callsOf } from '../support/verbs.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
});
afterAll(async () => {
  await expectInvariants(service.app.services.db);
  await service.close();
});

it('is adopted once, and read, counted and downloaded like any other', async () => {
  const texts = ['one', 'two emulate:errored', 'three'];
  const { providerJobId, jsonl } = await makeForeignBatch(service, openai, { texts, keys: ['α', 'β', 'γ'] });
  const creates = callsOf(service.emulator('openai').calls, 'create');
  const input = { provider: 'openai', providerJobId, name: 'from the old script', requests: { jsonl } };
  const adopted = await mutate(service, 'adoptJob', input, { batch: 'id name status' });
  expect(adopted).toMatchObject({
    __typename: 'AdoptJobPayload',
    job: { providerJobId, madeElsewhere: true, attempt: 1, requestCount: 3 },
    batch: { name: 'from the old script', status: 'VALIDATING' },
  });
  const again = await mutate(service, 'adoptJob', input);
  expect(again).toEqual({
    __typename: 'ProviderJobError',
    code: 'UNFIT_PROVIDER_JOB',
    problem: 'TAKEN',
    message: 'The batch belongs to another job of yours already.',
    providerJobId,
    jobId: adopted.job.id,
  });
  await service.turn(20);
  const { data } = await service.query(
    `query($id: ID!) { batch(id: $id) { status counts { succeeded errored }
      items { edges { node { customId status text } } } events(first: 20) { edges { node { kind } } } } }`,
    { id: adopted.batch.id },
  );
  expect(data.batch).toMatchObject({ status: 'COMPLETED', counts: { succeeded: 2, errored: 1 } });
  expect(data.batch.items.edges.map(({ node }: { node: unknown }) => node)).toEqual([
    { customId: 'α', status: 'SUCCEEDED', text: expect.stringContaining('one') },
    { customId: 'β', status: 'ERRORED', text: null },
    { customId: 'γ', status: 'SUCCEEDED', text: expect.stringContaining('three') },
  ]);
  const kinds = data.batch.events.edges.map(({ node }: { node: { kind: string } }) => node.kind);
  expect(kinds.slice(0, 4)).toEqual(['BATCH_CREATED', 'REQUESTS_ADDED', 'BATCH_CLOSED', 'JOB_ADOPTED']);
  expect(callsOf(service.emulator('openai').calls, 'create')).toBe(creates);
});
