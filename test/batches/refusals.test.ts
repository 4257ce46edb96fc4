/** Submissions that a provider understands and refuses: the batch ends, and every request says why. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, itemsNow, jobNow, jobsNow, makeBatch, withProvider } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  ({ scope } = await service.addOrganization('refused'));
});
afterEach(() => expectInvariants(services.db));
afterAll(() => service.close());

/** Everything that the database and the log hold, as one text. */
async function everythingWritten(): Promise<string> {
  const tables = ['batches', 'jobs', 'results', 'events', 'strays'];
  const texts = await Promise.all(
    tables.map(async (table) => {
      const { rows } = await services.db.read((q) =>
        q.execute(`select to_jsonb(t)::text as row from ${table} t`),
      );
      return JSON.stringify(rows);
    }),
  );
  return `${texts.join('\n')}\n${JSON.stringify(service.logged)}`;
}

const errorBodies = {
  openai: (message: string, code: string) =>
    JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code } }),
  anthropic: (message: string, code: string) =>
    JSON.stringify({ type: 'error', error: { type: code, message }, request_id: 'req_1' }),
};

describe.each([
  ['openai', openai],
  ['anthropic', anthropic],
] as const)('A submission that %s refuses', (name, provider) => {
  it('with 400 fails the job and the batch, and every request carries the reason, for good', async () => {
    const emulator = service.emulator(name);
    const before = callsOf(emulator.calls, 'create');
    const body = errorBodies[name]('Billing hard limit has been reached.', 'billing_hard_limit_reached');
    emulator.faults.add({ operation: 'create', effect: { kind: 'answer', status: 400, body } });
    const { id } = await makeBatch(services, scope, { provider: name });
    await service.work();
    const reason = {
      errorCode: 'billing_hard_limit_reached',
      errorMessage: 'Billing hard limit has been reached.',
    };
    expect(await jobNow(services, id)).toMatchObject({
      ...reason,
      status: 'FAILED',
      providerJobId: null,
      failedAt: service.clock.now(),
      collected: true,
      dueAt: null,
    });
    expect(await batchNow(services, id)).toMatchObject({
      ...reason,
      status: 'FAILED',
      errored: 2,
      submittedAt: null,
      failedAt: service.clock.now(),
    });
    for (const item of await itemsNow(services, id)) {
      expect(item).toMatchObject({ ...reason, status: 'ERRORED', retryable: false });
    }
    await service.turn(3600, 600);
    expect(callsOf(emulator.calls, 'create') - before).toBe(1);
  });

  it('for a wrong key fails with its word, and the key is in no row and in no line of the log', async () => {
    const apiKey = 'sk-wrong-0123456789-secret-abcdef';
    const { baseUrl } = service.emulator(name);
    const wrongKey = withProvider(service, provider, { baseUrl, apiKey });
    const { id } = await makeBatch(wrongKey, scope, { provider: name });
    await workOnce(wrongKey, service.app.databaseUrl);
    const errorCode = name === 'openai' ? 'invalid_api_key' : 'authentication_error';
    expect(await batchNow(services, id)).toMatchObject({ status: 'FAILED', errorCode, errored: 2 });
    for (const item of await itemsNow(services, id))
      expect(item).toMatchObject({ status: 'ERRORED', errorCode });
    const written = await everythingWritten();
    expect(written).toContain(errorCode);
    expect(written).not.toContain(apiKey);
    expect(written).not.toContain('sk-wrong');
  });

  it('in one of its jobs fails that job alone; the others bring their results', async () => {
    const small = withProvider(service, { ...provider, limits: { ...provider.limits, requestsMax: 2 } });
    const body = errorBodies[name]('No.', 'not_allowed');
    service.emulator(name).faults.add({ operation: 'create', effect: { kind: 'answer', status: 403, body } });
    const { id } = await makeBatch(small, scope, { provider: name, texts: ['1', '2', '3', '4'] });
    await service.work();
    await service.turn(30, 10);
    expect(await batchNow(services, id)).toMatchObject({
      status: 'COMPLETED',
      succeeded: 2,
      errored: 2,
      errorCode: null,
    });
    const statuses = (await jobsNow(services, id)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual(['COMPLETED', 'FAILED']);
  });
});

describe('A batch that OpenAI accepts and whose validation fails then', () => {
  it('is FAILED with the reason of the validation on every request, and nothing is collected', async () => {
    const { id } = await makeBatch(services, scope, { texts: ['fine', 'emulate:job-failed'] });
    await service.work();
    await service.turn(10, 5);
    const reason = { errorCode: 'invalid_request', errorMessage: 'This batch was asked to fail.' };
    expect(await jobNow(services, id)).toMatchObject({
      ...reason,
      status: 'FAILED',
      providerStatus: 'failed',
    });
    expect(await batchNow(services, id)).toMatchObject({ ...reason, status: 'FAILED', errored: 2 });
    for (const item of await itemsNow(services, id)) {
      expect(item).toMatchObject({ ...reason, status: 'ERRORED', retryable: false });
    }
  });
});
