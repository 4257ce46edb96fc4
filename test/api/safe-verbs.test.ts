/** Verbs that can be called again, or too late or too early, without harm; and the one that is refused then. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(async () => {
  await expectInvariants(service.app.services.db);
  await service.close();
});

const everything = `id status version updatedAt closedAt completedAt cancellingAt cancelledAt lastSyncedAt
  counts { total pending submitted succeeded errored expired cancelled }
  jobs { edges { node { status updatedAt lastSyncedAt cancellingAt } } }
  items { edges { node { status error { code } finishedAt } } }
  events { totalCount }`;
const verb = (name: string, batchId: string) => mutate(service, name, { batchId }, { batch: everything });

interface Given {
  readonly provider: string;
  readonly directives?: readonly string[];
  readonly submit?: 'NOW';
}

/** A batch with one request for each directive. */
async function batchOf({ provider, directives = ['', ''], submit }: Given): Promise<string> {
  const list = directives.map((directive, index) => ({ body: bodyFor(provider, `q ${index}`, directive) }));
  const input = { provider, requests: { list }, ...(submit === undefined ? {} : { submit }) };
  return (await mutate(service, 'createBatch', input)).batch.id;
}

async function read(id: string) {
  const { data } = await service.query(`query($id: ID!) { batch(id: $id) { ${everything} } }`, { id });
  return data.batch;
}

/** Sends what is due and lets the providers work until they are done. */
async function finish(): Promise<void> {
  await service.work();
  await service.turn(30, 15);
}

const cancelCalls = () =>
  service.emulator('openai').calls.filter(({ operation }) => operation === 'cancel').length;
const providerCalls = () =>
  service.emulator('openai').calls.length + service.emulator('anthropic').calls.length;

describe.each(['openai', 'anthropic'])('On a finished batch of %s', (provider) => {
  it.each([
    ['COMPLETED', ['', 'emulate:errored']],
    ['FAILED', ['emulate:errored']],
    ['EXPIRED', ['emulate:expired']],
  ] as const)(
    'that is %s, cancelling, syncing and submitting change nothing and answer the same',
    async (status, directives) => {
      const id = await batchOf({ provider, directives, submit: 'NOW' });
      await finish();
      const before = await read(id);
      expect(before.status).toBe(status);
      const calls = providerCalls();
      const calm = { __typename: 'CancelBatchPayload', batch: before, jobsGoingOn: 0 };
      expect(await verb('cancelBatch', id)).toEqual(calm);
      expect(await verb('syncBatch', id)).toEqual({
        __typename: 'SyncBatchPayload',
        batch: before,
        settled: true,
      });
      expect(await verb('submitBatch', id)).toEqual({ __typename: 'SubmitBatchPayload', batch: before });
      await finish();
      expect(await read(id)).toEqual(before);
      expect(providerCalls()).toBe(calls);
    },
  );
});

describe('On an open batch', () => {
  it('syncing has no effect and asks no provider', async () => {
    const id = await batchOf({ provider: 'openai' });
    const before = await read(id);
    const calls = providerCalls();
    expect(await verb('syncBatch', id)).toEqual({
      __typename: 'SyncBatchPayload',
      batch: before,
      settled: true,
    });
    await service.work();
    expect(await read(id)).toEqual(before);
    expect(providerCalls()).toBe(calls);
  });

  it('without requests submitting is refused, and it stays open', async () => {
    const id = await batchOf({ provider: 'openai', directives: [] });
    expect(await verb('submitBatch', id)).toEqual({
      __typename: 'EmptyBatchError',
      code: 'EMPTY_BATCH',
      message: 'The batch has no requests; add at least one before submitting it.',
    });
    expect((await read(id)).status).toBe('ACCUMULATING');
  });

  it('cancelling ends it at once; afterwards it is cancelled again without effect and submitted never', async () => {
    const id = await batchOf({ provider: 'openai' });
    const cancelled = await verb('cancelBatch', id);
    expect(cancelled.batch).toMatchObject({ status: 'CANCELLED', counts: { total: 2, cancelled: 2 } });
    expect(await verb('cancelBatch', id)).toEqual(cancelled);
    expect(await verb('submitBatch', id)).toEqual({
      __typename: 'BatchStateError',
      code: 'WRONG_BATCH_STATE',
      message: 'The batch was cancelled; it cannot be submitted any more.',
      status: 'CANCELLED',
    });
  });

  it('deleting removes it', async () => {
    const id = await batchOf({ provider: 'openai' });
    expect(await verb('deleteBatch', id)).toEqual({ __typename: 'DeleteBatchPayload', deletedBatchId: id });
    expect(await read(id)).toBeNull();
  });
});

describe('On a running batch', () => {
  it('deleting is refused until it has ended, and then removes everything', async () => {
    const id = await batchOf({ provider: 'openai', submit: 'NOW' });
    const message = 'The batch is still at work; cancel it and wait for its end first.';
    const refused = (status: string) => ({
      __typename: 'BatchStateError',
      code: 'WRONG_BATCH_STATE',
      message,
      status,
    });
    expect(await verb('deleteBatch', id)).toEqual(refused('SUBMITTED'));
    await service.turn(10);
    expect(await verb('deleteBatch', id)).toEqual(refused('IN_PROGRESS'));
    await verb('cancelBatch', id);
    expect(await verb('deleteBatch', id)).toEqual(refused('CANCELLING'));
    await finish();
    expect(await verb('deleteBatch', id)).toEqual({ __typename: 'DeleteBatchPayload', deletedBatchId: id });
    expect(await read(id)).toBeNull();
  });

  it('cancelling twice asks the provider once', async () => {
    const id = await batchOf({ provider: 'openai', submit: 'NOW' });
    await service.turn(10);
    const before = cancelCalls();
    const first = await verb('cancelBatch', id);
    expect(await verb('cancelBatch', id)).toEqual(first);
    await finish();
    await verb('cancelBatch', id);
    await service.work();
    expect(cancelCalls() - before).toBe(1);
    expect((await read(id)).status).toBe('CANCELLED');
  });
});
