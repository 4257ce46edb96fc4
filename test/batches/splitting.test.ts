import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addRequests } from '../../src/batches/add-requests.ts';
import { createBatch } from '../../src/batches/create.ts';
import { submitBatch } from '../../src/batches/submit.ts';
import { itemKey } from '../../src/domain/ids.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Provider, ProviderLimits } from '../../src/providers/provider.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { bodyFor, chatBody } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, itemsNow, jobsNow, makeBatch, requestsOf, withProvider } from '../support/verbs.ts';

let service: TestService;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  ({ scope } = await service.addOrganization('splitting'));
});
afterEach(() => expectInvariants(service.app.services.db));
afterAll(() => service.close());

const limited = (provider: Provider, limits: Partial<ProviderLimits>): Services =>
  withProvider(service, { ...provider, limits: { ...provider.limits, ...limits } });

/** Works until the batch is over. */
async function finish(services: Services, id: string): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) {
    await workOnce(services, service.app.databaseUrl);
    if ((await batchNow(services, id)).completedAt !== null) return;
    service.clock.advance({ seconds: 10 });
  }
  throw new Error('the batch does not come to its end');
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `request ${index}`);

describe.each([openai, anthropic])('A batch above the limits of $title', (provider) => {
  it('becomes as many jobs as the number of requests needs, and its results stand in its order', async () => {
    const services = limited(provider, { requestsMax: 4 });
    const texts = numbered(10);
    const { id } = await makeBatch(services, scope, { provider: provider.name, texts });
    expect((await jobsNow(services, id)).map(({ requestCount }) => requestCount)).toEqual([4, 4, 2]);
    const before = (await service.emulator(provider.name).batches()).length;
    await finish(services, id);
    const sent = (await service.emulator(provider.name).batches()).slice(before);
    expect(sent.map(({ requestCount }) => requestCount).toSorted()).toEqual([2, 4, 4]);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', total: 10, succeeded: 10 });
    expect((await itemsNow(services, id)).map(({ customId }) => customId)).toEqual(
      texts.map((_, index) => `item-${index + 1}`),
    );
    const keysOfPosition = new Set(sent.flatMap(({ keys }) => keys.map((key) => key.split('-')[1])));
    expect(keysOfPosition.size).toBe(10);
  });

  it('becomes as many jobs as its bytes need, to the byte, and each is sent with the bytes planned', async () => {
    const texts = numbered(7);
    const { before, after } = provider.encoding.envelope({
      key: itemKey('x'.repeat(20), 0),
      endpoint: provider.endpoints[0],
    });
    const body = JSON.stringify(bodyFor(provider.name, texts[0] ?? ''));
    const bytesOfThree = 3 * Buffer.byteLength(before + body + after) + provider.encoding.frameBytes(3);
    const wish = { provider: provider.name, texts };

    const tooSmall = limited(provider, { bytesMax: bytesOfThree - 1 });
    const four = await makeBatch(tooSmall, scope, wish);
    expect((await jobsNow(tooSmall, four.id)).map(({ requestCount }) => requestCount)).toEqual([2, 2, 2, 1]);

    const justEnough = limited(provider, { bytesMax: bytesOfThree });
    const { id } = await makeBatch(justEnough, scope, wish);
    const jobs = await jobsNow(justEnough, id);
    expect(jobs.map(({ requestCount }) => requestCount)).toEqual([3, 3, 1]);
    expect(jobs[0]?.bytes).toBe(bytesOfThree);
    // The length that is declared on the wire comes from the plan, so that a wrong plan could not be sent.
    await finish(justEnough, id);
    expect(await batchNow(justEnough, id)).toMatchObject({ status: 'COMPLETED', succeeded: 7 });
  });

  it('names the request whose line is too large by now, and stays open with all it has', async () => {
    const services = limited(provider, { bytesMax: 1000, lineBytesMax: 600 });
    // Accepted by a version that knew of a larger limit.
    const { id } = await makeBatch(service.app.services, scope, {
      provider: provider.name,
      submit: { kind: 'MANUAL' },
      texts: ['small', 'x'.repeat(700), 'also small'],
    });
    await expect(submitBatch(services, scope, id)).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      issues: [
        {
          path: ['requests', 1],
          line: null,
          message: expect.stringMatching(/^Request 2 takes \d+ bytes as a line; .* allows 600\.$/),
        },
      ],
    });
    expect(await batchNow(services, id)).toMatchObject({ status: 'ACCUMULATING', closedAt: null, total: 3 });
    expect(await jobsNow(services, id)).toEqual([]);
  });

  it('refuses the call that brings a line too large, names it, and nothing of that call is kept', async () => {
    const services = limited(provider, { bytesMax: 1000, lineBytesMax: 600 });
    const submit = { kind: 'WHEN', requests: 2, bytes: null, seconds: null } as const;
    const { id } = await makeBatch(services, scope, { provider: provider.name, submit, texts: ['small'] });
    const large = requestsOf(['x'.repeat(700)], provider.name);
    await expect(addRequests(services, scope, id, { requests: large })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      issues: [
        {
          path: ['input', 'requests', 'list', 0, 'body'],
          message: expect.stringMatching(/^Request 1: it takes \d+ bytes as a line; .* allows 600\.$/),
        },
      ],
    });
    expect(await batchNow(services, id)).toMatchObject({ status: 'ACCUMULATING', total: 1 });
  });
});

describe('A timer that closes a batch with a line too large', () => {
  it('leaves it open, stops, and submitBatch tells why', async () => {
    const services = limited(openai, { bytesMax: 1000 });
    const submit = { kind: 'WHEN', requests: null, bytes: null, seconds: 10 } as const;
    const { id } = await makeBatch(service.app.services, scope, { submit, texts: ['x'.repeat(1500)] });
    service.clock.advance({ seconds: 10 });
    await workOnce(services, service.app.databaseUrl);
    expect(await batchNow(services, id)).toMatchObject({ status: 'ACCUMULATING', dueAt: null, total: 1 });
    await expect(submitBatch(services, scope, id)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('Requests that one job may not mix', () => {
  it('become one job for each model and endpoint, and one batch in the caller’s order', async () => {
    const { services } = service.app;
    const models = ['gpt-5-mini', 'gpt-5', 'gpt-5-mini', 'gpt-5', 'gpt-5-nano'];
    const chat = models.map((model) => ({ body: { ...chatBody('hello'), model } }));
    const embedding = {
      endpoint: '/v1/embeddings',
      body: { model: 'text-embedding-3-small', input: 'hello' },
    };
    const {
      batch: { id },
    } = await createBatch(services, scope, {
      provider: 'openai',
      submit: { kind: 'NOW' },
      requests: { kind: 'list', requests: [...chat, embedding] },
    });
    const jobs = await jobsNow(services, id);
    expect(jobs.map(({ model, endpoint, positions }) => [model, endpoint, positions])).toEqual([
      ['gpt-5-mini', '/v1/chat/completions', '{[0,1),[2,3)}'],
      ['gpt-5', '/v1/chat/completions', '{[1,2),[3,4)}'],
      ['gpt-5-nano', '/v1/chat/completions', '{[4,5)}'],
      ['text-embedding-3-small', '/v1/embeddings', '{[5,6)}'],
    ]);
    await finish(services, id);
    const items = await itemsNow(services, id);
    expect(items.map(({ status, model }) => [status, model])).toEqual(
      [...models, 'text-embedding-3-small'].map((model) => ['SUCCEEDED', model]),
    );
  });

  it('stay together where the provider takes them together', async () => {
    const { services } = service.app;
    const {
      batch: { id },
    } = await createBatch(services, scope, {
      provider: 'anthropic',
      submit: { kind: 'NOW' },
      requests: {
        kind: 'list',
        requests: ['claude-haiku-4-5', 'claude-sonnet-4-5'].map((model) => ({
          body: { ...bodyFor('anthropic', 'hello'), model },
        })),
      },
    });
    const jobs = await jobsNow(services, id);
    expect(jobs.map(({ model, requestCount }) => [model, requestCount])).toEqual([[null, 2]]);
  });
});
