/**
 * A program that loses answers: it makes each call again until it has heard, under a key of its own, and in the end
 * there is one batch with each request once, sent once.
 */
import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { chatBody } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutateWithFile } from '../support/multipart.ts';
import { mutate, mutationDocument } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
});
afterAll(async () => {
  await expectInvariants(service.app.services.db);
  await service.close();
});

const batches = async () => {
  const { data } = await service.query('{ batches { edges { node { id status counts { total } } } } }');
  return data.batches.edges.map(({ node }: { node: unknown }) => node);
};

/** Makes the call, and is gone before it hears anything of what came of it. */
async function callAndHangUp(name: string, input: Record<string, unknown>, isDone: () => Promise<boolean>) {
  const call = request(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${sandboxKey}` },
  });
  call.on('error', () => undefined);
  call.on('response', (answer) => answer.destroy());
  call.end(JSON.stringify({ query: mutationDocument(name), variables: { input } }));
  while (!(await isDone())) await new Promise((resolve) => setImmediate(resolve));
  call.destroy();
}

it('makes calls again whose answers it never heard, and has one batch with each request once in the end', async () => {
  const creating = {
    provider: 'openai',
    name: 'of the day',
    metadata: { day: '2026-11-23', team: 'data' },
    requests: { list: [{ customId: 'one', body: chatBody('one') }] },
    idempotencyKey: 'create 2026-11-23',
  };
  await callAndHangUp('createBatch', creating, async () => (await batches()).length === 1);
  // A program that is started anew writes the same in another order.
  const { body, ...names } = { customId: 'one', body: chatBody('one') };
  const { model, messages } = body;
  const inAnotherOrder = {
    idempotencyKey: creating.idempotencyKey,
    requests: { list: [{ body: { messages, model }, ...names }] },
    metadata: { team: 'data', day: '2026-11-23' },
    name: creating.name,
    provider: creating.provider,
    submit: 'MANUAL',
  };
  const created = await mutate(service, 'createBatch', inAnotherOrder);
  expect(created).toMatchObject({ __typename: 'CreateBatchPayload', replayed: true });
  const { id } = created.batch;
  expect(await batches()).toEqual([{ id, status: 'ACCUMULATING', counts: { total: 1 } }]);

  const content = ['two', 'three']
    .map((text) => JSON.stringify({ customId: text, body: chatBody(text) }))
    .join('\n');
  const adding = { name: 'addRequests', input: { batchId: id, idempotencyKey: 'file 1' } } as const;
  const first = await mutateWithFile(service, { ...adding, content });
  const second = await mutateWithFile(service, { ...adding, content });
  expect([first, second].map(({ data }) => data.addRequests)).toMatchObject([
    { __typename: 'AddRequestsPayload', replayed: false },
    { __typename: 'AddRequestsPayload', replayed: true },
  ]);
  const other = await mutateWithFile(service, { ...adding, content: `${content}\n` });
  expect(other.data.addRequests).toEqual({
    __typename: 'IdempotencyConflictError',
    code: 'IDEMPOTENCY_CONFLICT',
    message:
      'The idempotencyKey was used before, for addRequests with another input; a call that is not the same one again needs a key of its own.',
    idempotencyKey: 'file 1',
    usedFor: 'addRequests',
  });

  await mutate(service, 'submitBatch', { batchId: id });
  await service.work();
  await service.turn(20);
  expect(await batches()).toEqual([{ id, status: 'COMPLETED', counts: { total: 3 } }]);
  // However late the program hears: the same call is still the same call.
  expect(await mutate(service, 'createBatch', creating)).toMatchObject({ replayed: true, batch: { id } });
  expect((await service.emulator('openai').batches()).map(({ requestCount }) => requestCount)).toEqual([3]);

  await mutate(service, 'deleteBatch', { batchId: id });
  expect(await mutate(service, 'createBatch', creating)).toMatchObject({ __typename: 'NotFoundError' });
  expect(
    await mutate(service, 'createBatch', { ...creating, idempotencyKey: 'k'.repeat(256) }),
  ).toMatchObject({
    __typename: 'ValidationError',
    issues: [
      { path: ['input', 'idempotencyKey'], message: 'idempotencyKey must be 1 to 255 characters long.' },
    ],
  });
});
