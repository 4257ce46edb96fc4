/** Quotas, through the front door: what each refuses, and that no number of callers at once gets past one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBatch } from '../../src/batches/create.ts';
import { updateLayers } from '../../src/db/queries/quotas.ts';
import type { QuotaLayer } from '../../src/domain/quota.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import { QuotaExceededError } from '../../src/errors.ts';
import { chatBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { anotherProcess, requestsOf } from '../support/verbs.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
});
afterAll(() => service.close());

/** An organization that was granted so much. */
async function organization(grantedQuotas: QuotaLayer) {
  const made = await service.addOrganization('limited');
  const { organizationId } = made.scope;
  const { db } = service.app.services;
  await db.read((q) => updateLayers(workerScope, q, organizationId, { grantedQuotas }));
  return made;
}
const list = (count: number) => ({
  list: Array.from({ length: count }, (_, index) => ({ body: chatBody(`question ${index}`) })),
});
const create = (key: string, count: number, more: object = {}) =>
  mutate(
    service,
    'createBatch',
    { provider: 'openai', ...(count === 0 ? {} : { requests: list(count) }), ...more },
    { key },
  );
const exceeded = (
  which: string,
  limit: number,
  current: number,
  requested: number,
  provider: string | null = null,
) =>
  expect.objectContaining({
    __typename: 'QuotaExceeded',
    code: 'QUOTA_EXCEEDED',
    ...{ which, limit, current, requested, quotaProvider: provider },
  });

describe('A quota', () => {
  it('of requests in a batch holds however they come to it', async () => {
    const { key } = await organization({ requestsPerBatch: 5 });
    expect(await create(key, 6)).toEqual(exceeded('REQUESTS_PER_BATCH', 5, 0, 6));
    const { batch } = await create(key, 4);
    const add = (count: number) =>
      mutate(service, 'addRequests', { batchId: batch.id, requests: list(count) }, { key });
    expect(await add(2)).toEqual(exceeded('REQUESTS_PER_BATCH', 5, 4, 2));
    expect(await add(1)).toMatchObject({ __typename: 'AddRequestsPayload' });
  });

  it('of bytes in one call counts a text as it came, and inline bodies by themselves', async () => {
    const line = JSON.stringify({ body: chatBody('hello') });
    const { key } = await organization({ bytesPerUpload: line.length });
    const jsonl = (text: string) => create(key, 0, { requests: { jsonl: text } });
    expect(await jsonl(`${line}\n`)).toEqual(exceeded('BYTES_PER_UPLOAD', line.length, 0, line.length + 1));
    expect(await jsonl(line)).toMatchObject({ __typename: 'CreateBatchPayload' });
    expect(await create(key, 2)).toMatchObject({ __typename: 'QuotaExceeded', which: 'BYTES_PER_UPLOAD' });
  });

  it('of providers refuses the others, also for batches that were made elsewhere', async () => {
    const { key } = await organization({ providers: ['openai'] });
    const refusal = exceeded('PROVIDERS', 0, 0, 1, 'anthropic');
    expect(await create(key, 0, { provider: 'anthropic' })).toEqual(refusal);
    const adoption = { provider: 'anthropic', providerJobId: 'msgbatch_1' };
    const body = { model: 'claude-haiku-4-5', max_tokens: 1, messages: [{ role: 'user', content: 'x' }] };
    const requests = { list: [{ customId: 'a', body }] };
    expect(await mutate(service, 'adoptJob', { ...adoption, requests }, { key })).toEqual(refusal);
    expect(await create(key, 0)).toMatchObject({ __typename: 'CreateBatchPayload' });
  });

  it('of requests that wait for a provider is free again when they are sent, and counts those tried again', async () => {
    const { key } = await organization({ waitingRequests: 3 });
    const { batch } = await create(key, 1);
    await mutate(service, 'cancelBatch', { batchId: batch.id }, { key });
    await create(key, 2, { submit: 'NOW' });
    expect(await create(key, 2)).toEqual(exceeded('WAITING_REQUESTS', 3, 2, 2, 'openai'));
    await service.work();
    expect(await create(key, 3)).toMatchObject({ __typename: 'CreateBatchPayload' });
    expect(await mutate(service, 'retryBatch', { batchId: batch.id }, { key })).toMatchObject({
      __typename: 'QuotaExceeded',
      ...{ which: 'WAITING_REQUESTS', current: 3, quotaProvider: 'openai' },
    });
  });

  it('of active batches is free again when one ends, and a batch that goes on needs it anew', async () => {
    const { key } = await organization({ activeBatches: 1 });
    const { batch } = await create(key, 1);
    expect(await create(key, 1)).toEqual(exceeded('ACTIVE_BATCHES', 1, 1, 1));
    await mutate(service, 'cancelBatch', { batchId: batch.id }, { key });
    expect(await create(key, 1)).toMatchObject({ __typename: 'CreateBatchPayload' });
    expect(await mutate(service, 'retryBatch', { batchId: batch.id }, { key })).toEqual(
      exceeded('ACTIVE_BATCHES', 1, 1, 1),
    );
  });

  it('of three active batches lets three of ten through that come at once, by two processes', async () => {
    const { scope } = await organization({ activeBatches: 3 });
    const other = anotherProcess(service);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        outcomeOf(index % 2 === 0 ? service.app.services : other.services, scope),
      ),
    );
    await other.db.close();
    expect(answers.filter((answer) => answer === 'made')).toHaveLength(3);
    expect(answers.filter((answer) => answer === 'ACTIVE_BATCHES')).toHaveLength(7);
  });

  it('that refuses a call leaves nothing of it, so that it can be made again under its idempotencyKey', async () => {
    const { key } = await organization({ activeBatches: 1 });
    const { batch } = await create(key, 0);
    const again = () => create(key, 2, { idempotencyKey: 'again' });
    expect(await again()).toMatchObject({ __typename: 'QuotaExceeded' });
    const { data } = await service.query('{ batches { totalCount } }', {}, key);
    expect(data.batches.totalCount).toBe(1);
    await mutate(service, 'cancelBatch', { batchId: batch.id }, { key });
    expect(await again()).toMatchObject({ __typename: 'CreateBatchPayload', replayed: false });
  });

  it('that a call would go beyond is told by its dry run, with every other one', async () => {
    const { key } = await organization({ activeBatches: 0, waitingRequests: 1, requestsPerBatch: 2 });
    const dry = await create(key, 3, { dryRun: true });
    expect(dry).toMatchObject({
      __typename: 'DryRunPayload',
      accepted: false,
      issueCount: 0,
      requestCount: 3,
    });
    const { data } = await service.query(
      `mutation($input: CreateBatchInput!) { createBatch(input: $input) {
        ... on DryRunPayload { quotasExceeded { which limit current requested provider } } } }`,
      { input: { provider: 'openai', requests: list(3), dryRun: true } },
      key,
    );
    expect(data.createBatch.quotasExceeded).toEqual([
      { which: 'REQUESTS_PER_BATCH', limit: 2, current: 0, requested: 3, provider: null },
      { which: 'ACTIVE_BATCHES', limit: 0, current: 0, requested: 1, provider: null },
      { which: 'WAITING_REQUESTS', limit: 1, current: 0, requested: 3, provider: 'openai' },
    ]);
  });
});

async function outcomeOf(by: typeof service.app.services, scope: OrganizationScope): Promise<string> {
  try {
    await createBatch(by, scope, {
      provider: 'openai',
      submit: { kind: 'NOW' },
      model: 'gpt-5-mini',
      requests: requestsOf(['one']),
    });
    return 'made';
  } catch (error) {
    if (!(error instanceof QuotaExceededError)) throw error;
    return error.quota;
  }
}

describe('An organization', () => {
  const quotas =
    '{ viewer { organization { plan allowedProviders quotas { which limit current provider } } } }';

  it('sees what it may have, and how much of it there is', async () => {
    const { key } = await organization({
      activeBatches: 4,
      waitingRequests: 9,
      providers: ['openai', 'xai'],
    });
    await create(key, 2);
    const { data } = await service.query(quotas, {}, key);
    expect(data.viewer.organization).toEqual({
      plan: null,
      allowedProviders: ['openai', 'xai'],
      quotas: [
        { which: 'REQUESTS_PER_BATCH', limit: 10_000_000, current: null, provider: null },
        { which: 'BYTES_PER_UPLOAD', limit: 21_474_836_480, current: null, provider: null },
        { which: 'ACTIVE_BATCHES', limit: 4, current: 1, provider: null },
        { which: 'WAITING_REQUESTS', limit: 9, current: 2, provider: 'openai' },
        { which: 'WAITING_REQUESTS', limit: 9, current: 0, provider: 'xai' },
      ],
    });
  });

  it('holds itself to less, takes that back, and never gets more than it was granted', async () => {
    const { key } = await organization({ activeBatches: 2 });
    const set = (input: object) => mutate(service, 'setQuotas', { ...input }, { key });
    const limit = async () => {
      const { data } = await service.query(quotas, {}, key);
      return data.viewer.organization.quotas.find(
        ({ which }: { which: string }) => which === 'ACTIVE_BATCHES',
      ).limit;
    };
    expect(await set({ activeBatches: 1 })).toMatchObject({ __typename: 'SetQuotasPayload' });
    expect(await limit()).toBe(1);
    await set({ activeBatches: 1000 });
    expect(await limit()).toBe(2);
    await set({ activeBatches: 1, providers: ['xai'] });
    await set({ activeBatches: null });
    expect(await limit()).toBe(2);
    expect(await create(key, 0)).toMatchObject({ __typename: 'QuotaExceeded', which: 'PROVIDERS' });
  });

  it('is told which of its quotas are none', async () => {
    const { key } = await organization({});
    const input = { activeBatches: -1, providers: ['openai', 'nobody'] };
    expect(await mutate(service, 'setQuotas', input, { key })).toMatchObject({
      __typename: 'ValidationError',
      message: 'activeBatches must not be below 0.',
    });
    expect(await mutate(service, 'setQuotas', { providers: ['nobody'] }, { key })).toMatchObject({
      message: expect.stringContaining('There is no provider with this name'),
    });
  });
});
