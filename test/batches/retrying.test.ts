/** What `retryBatch` sends again, what it never does, and what it leaves as it was. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { retryBatch } from '../../src/batches/retry.ts';
import type { RetryBatchInput } from '../../src/domain/retry.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { BatchStateError, NotFoundError, NothingToRetryError, ValidationError } from '../../src/errors.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Services } from '../../src/services.ts';
import { makeBusy } from '../support/busy-provider.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, itemsNow, jobsNow, makeBatch, withProvider } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  ({ scope } = await service.addOrganization('retrying'));
});
afterEach(async () => {
  service.emulator('openai').faults.clear();
  await expectInvariants(services.db);
});
afterAll(() => service.close());

const retry = (id: string, input: RetryBatchInput = {}) => retryBatch(services, scope, id, input);
const statusesOf = async (id: string) => (await itemsNow(services, id)).map(({ status }) => status);
const positionsOf = async (id: string) =>
  (await jobsNow(services, id)).map(({ attempt, positions }) => [attempt, positions]);
const finish = () => service.turn(20, 5);

/** One answered, one refused for good, one too late, one that the provider was too busy for. */
const mixed = ['fine', 'bad emulate:errored', 'late emulate:expired', 'busy emulate:overloaded'];

async function ended(texts: readonly string[] = mixed): Promise<string> {
  const { id } = await makeBatch(services, scope, { texts });
  await service.work();
  await finish();
  return id;
}

describe('A retry', () => {
  it('without a filter sends everything that failed again, and nothing else', async () => {
    const id = await ended();
    const before = await batchNow(services, id);
    expect(before).toMatchObject({ status: 'COMPLETED', succeeded: 1, errored: 2, expired: 1 });
    const { batch, attempt, requests } = await retry(id);
    expect({ attempt, requests }).toEqual({ attempt: 2, requests: 3 });
    expect(batch).toMatchObject({
      status: 'IN_PROGRESS',
      ...{ pending: 3, succeeded: 1, errored: 0, expired: 0 },
      ...{ completedAt: null, finalizingAt: null, expiresAt: null },
      ...{ submittedAt: before.submittedAt, closedAt: before.closedAt },
    });
    expect(await positionsOf(id)).toEqual([
      [1, '{[0,4)}'],
      [2, '{[1,4)}'],
    ]);
    expect(await statusesOf(id)).toEqual(['SUCCEEDED', 'PENDING', 'PENDING', 'PENDING']);
    await service.work();
    expect(await statusesOf(id)).toEqual(['SUCCEEDED', 'SUBMITTED', 'SUBMITTED', 'SUBMITTED']);
    await finish();
    const after = await batchNow(services, id);
    expect(after).toMatchObject({ status: 'COMPLETED', attempts: 2, succeeded: 1, errored: 2, expired: 1 });
    expect(after.completedAt?.getTime()).toBeGreaterThan(before.completedAt?.getTime() ?? Number.NaN);
  });

  it.each<[string, RetryBatchInput, string]>([
    ['status', { filter: { status: ['EXPIRED'] } }, '{[2,3)}'],
    ['error code', { filter: { errorCode: ['server_overloaded', 'batch_expired'] } }, '{[2,4)}'],
    ['name', { filter: { customIds: ['item-2', 'item-4', 'item-2'] } }, '{[1,2),[3,4)}'],
    ['whether it makes sense', { onlyRetryable: true }, '{[2,4)}'],
    [
      'all of these at once',
      { filter: { status: ['ERRORED'], customIds: ['item-2', 'item-4'] }, onlyRetryable: true },
      '{[3,4)}',
    ],
  ])('picks by %s', async (_what, input, positions) => {
    const id = await ended();
    await retry(id, input);
    expect((await positionsOf(id)).at(-1)).toEqual([2, positions]);
  });

  it('of a retry tries only what failed again, as one attempt more', async () => {
    const calmDown = makeBusy(service, [0, 2]);
    const id = await ended(['a', 'b', 'c emulate:overloaded']);
    expect(await statusesOf(id)).toEqual(['ERRORED', 'SUCCEEDED', 'ERRORED']);
    calmDown();
    await retry(id);
    await service.work();
    await finish();
    expect(await statusesOf(id)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'ERRORED']);
    await retry(id);
    expect(await positionsOf(id)).toEqual([
      [1, '{[0,3)}'],
      [2, '{[0,1),[2,3)}'],
      [3, '{[2,3)}'],
    ]);
  });

  it('adds the tokens of every attempt, because each is paid for', async () => {
    const calmDown = makeBusy(service, [0]);
    const id = await ended(['a', 'b']);
    calmDown();
    const first = (await batchNow(services, id)).outputTokens ?? 0;
    await retry(id);
    await service.work();
    await finish();
    const [again] = await itemsNow(services, id);
    expect((await batchNow(services, id)).outputTokens).toBe(first + (again?.outputTokens ?? Number.NaN));
  });

  it('of a batch that still runs leaves alone what runs, and later results find their attempt', async () => {
    const small = withProvider(service, { ...openai, limits: { ...openai.limits, requestsMax: 2 } });
    const { id } = await makeBatch(small, scope, {
      texts: ['bad emulate:errored', 'a', 'slow emulate:stuck', 'b'],
    });
    await service.work();
    await finish();
    expect(await batchNow(services, id)).toMatchObject({ status: 'IN_PROGRESS', submitted: 2, errored: 1 });
    expect(await retry(id)).toMatchObject({ requests: 1, batch: { pending: 1, submitted: 2, errored: 0 } });
    expect((await positionsOf(id)).at(-1)).toEqual([2, '{[0,1)}']);
    await service.work();
    await finish();
    expect(await statusesOf(id)).toEqual(['ERRORED', 'SUCCEEDED', 'SUBMITTED', 'SUBMITTED']);
    await cancelBatch(services, scope, id);
    await service.work();
    await finish();
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', errored: 1 });
  });

  it('of a batch that was cancelled makes it go on, whether it was sent before or not', async () => {
    for (const submit of [{ kind: 'NOW' }, { kind: 'MANUAL' }] as const) {
      const { id } = await makeBatch(services, scope, { submit });
      await cancelBatch(services, scope, id);
      expect(await batchNow(services, id)).toMatchObject({ status: 'CANCELLED', cancelled: 2 });
      const { batch } = await retry(id, { filter: { customIds: ['item-2'] } });
      expect(batch).toMatchObject({ pending: 1, cancelled: 1, cancellingAt: null, cancelledAt: null });
      expect(['SUBMITTED', 'IN_PROGRESS']).toContain(batch.status);
      await service.work();
      await finish();
      expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 1, cancelled: 1 });
    }
  });

  it('that is cancelled before it is sent sends nothing, and the batch says so', async () => {
    const id = await ended(['bad emulate:errored']);
    expect((await batchNow(services, id)).status).toBe('FAILED');
    await retry(id);
    const before = callsOf(service.emulator('openai').calls, 'create');
    const cancelled = await cancelBatch(services, scope, id);
    expect(cancelled).toMatchObject({ status: 'CANCELLED', cancelled: 1, errored: 0, failedAt: null });
    await finish();
    expect(callsOf(service.emulator('openai').calls, 'create')).toBe(before);
  });

  it('that fails as well makes the batch FAILED for the reason of its newest attempt', async () => {
    const { faults } = service.emulator('openai');
    const refused = { operation: 'create', effect: { kind: 'answer', status: 400, body: refusal } } as const;
    const id = await ended(['emulate:job-failed']);
    expect(await batchNow(services, id)).toMatchObject({ status: 'FAILED' });
    const first = await batchNow(services, id);
    faults.add(refused);
    expect((await retry(id)).batch).toMatchObject({ failedAt: null, errorCode: null, errorMessage: null });
    await service.work();
    await finish();
    const second = await batchNow(services, id);
    expect(second.status).toBe('FAILED');
    expect(second.errorCode).toBe('no_more_credit');
    expect(first.errorCode).not.toBe('no_more_credit');
  });
});

const refusal = JSON.stringify({ error: { message: 'No.', type: 'invalid', code: 'no_more_credit' } });

describe('A retry is refused', () => {
  it('of an open batch, and of one that is being cancelled', async () => {
    const { id: open } = await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
    await expect(retry(open)).rejects.toThrow(BatchStateError);
    const { id } = await makeBatch(services, scope, { texts: ['bad emulate:errored', 'emulate:stuck'] });
    await service.work();
    await cancelBatch(services, scope, id);
    await expect(retry(id)).rejects.toMatchObject({ code: 'WRONG_BATCH_STATE', status: 'CANCELLING' });
    await finish();
  });

  it('where nothing failed in the way that is asked for', async () => {
    const id = await ended(['fine', 'bad emulate:errored']);
    for (const input of [
      { filter: { status: ['EXPIRED'] } },
      { filter: { errorCode: ['no_such_code'] } },
      { onlyRetryable: true },
      { filter: { customIds: ['item-2'], status: ['CANCELLED'] } },
    ] satisfies RetryBatchInput[]) {
      await expect(retry(id, input)).rejects.toThrow(NothingToRetryError);
    }
    await retry(id);
    await expect(retry(id)).rejects.toThrow(NothingToRetryError);
  });

  it('for requests by name that did not fail, each told by its place, and then nothing is sent', async () => {
    const id = await ended(['fine', 'bad emulate:errored', 'late emulate:expired']);
    await retry(id, { filter: { customIds: ['item-3'] } });
    const before = await batchNow(services, id);
    const refused = retry(id, { filter: { customIds: ['item-2', 'item-1', 'nobody', 'item-3', 'a\0b'] } });
    await expect(refused).rejects.toThrow(ValidationError);
    const path = (index: number) => ['input', 'filter', 'customIds', index];
    await expect(refused).rejects.toMatchObject({
      issues: [
        { path: path(1), message: 'customIds[1] has its answer already; it is not sent again.' },
        { path: path(2), message: 'customIds[2] is no request of this batch.' },
        { path: path(3), message: 'customIds[3] is still waiting to be sent; it is not sent twice.' },
        { path: path(4), message: 'customIds[4] is no request of this batch.' },
      ],
    });
    expect(await batchNow(services, id)).toEqual(before);
  });

  it("where what failed is too little for the provider's smallest job", async () => {
    const id = await ended();
    const large = withProvider(service, { ...openai, limits: { ...openai.limits, requestsMin: 4 } });
    await expect(retryBatch(large, scope, id, {})).rejects.toThrow('at least 4 requests in a job');
    expect((await batchNow(services, id)).status).toBe('COMPLETED');
  });

  it('of a batch of another organization', async () => {
    const id = await ended();
    const other = await service.addOrganization('other');
    await expect(retryBatch(services, other.scope, id, {})).rejects.toThrow(NotFoundError);
  });
});

describe('A retry that does not commit', () => {
  it('leaves no trace: neither jobs nor counts nor an event', async () => {
    const id = await ended();
    const before = [await batchNow(services, id), await jobsNow(services, id)];
    const crash = new Error('the process dies');
    const { db } = services;
    const dying: Services = {
      ...services,
      db: {
        ...db,
        transaction: (work) =>
          db.transaction(async (tx) => {
            await work(tx);
            throw crash;
          }),
      },
    };
    await expect(retryBatch(dying, scope, id, {})).rejects.toBe(crash);
    expect([await batchNow(services, id), await jobsNow(services, id)]).toEqual(before);
  });

  it('and two at once send everything once', async () => {
    const id = await ended();
    const answers = await Promise.allSettled([retry(id), retry(id), retry(id)]);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await positionsOf(id)).toHaveLength(2);
  });
});
