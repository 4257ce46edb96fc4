/** What a provider keeps of a job is deleted when that is asked for: all of it, and never before the results are here. */
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { createBatch } from '../../src/batches/create.ts';
import { deleteBatch } from '../../src/batches/delete.ts';
import { deleteProviderFiles } from '../../src/batches/delete-provider-files.ts';
import { retryBatch } from '../../src/batches/retry.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { BatchStateError, ValidationError } from '../../src/errors.ts';
import { providers } from '../../src/providers/registry.ts';
import type { Services } from '../../src/services.ts';
import { modelFor } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, jobNow, jobsNow, makeBatch, requestsOf } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService();
  services = service.app.services;
  ({ scope } = await service.addOrganization('tidy'));
});
beforeEach(() => service.emulator('openai').faults.clear());
afterEach(() => expectInvariants(services.db));
afterAll(() => service.close());

interface Wish {
  readonly provider?: string;
  readonly texts?: readonly string[];
}

/** A submitted batch whose provider is to keep nothing. */
async function tidyBatch({ provider = 'openai', texts = ['one', 'two'] }: Wish = {}): Promise<string> {
  const { batch } = await createBatch(services, scope, {
    provider,
    ...modelFor(provider),
    submit: { kind: 'NOW' },
    deleteProviderFiles: true,
    requests: requestsOf(texts, provider),
  });
  return batch.id;
}

async function end(): Promise<void> {
  await service.work();
  await service.turn(180, 30);
}

const keptAt = async (provider: string) => (await service.emulator(provider).kept?.()) ?? [];
const openai = () => service.emulator('openai');
const able = providers.filter(({ capabilities }) => capabilities.deletion);
const unable = providers.filter(({ capabilities }) => !capabilities.deletion).map(({ name }) => name);

describe.each(able.map((provider) => [provider.name, provider] as const))('%s', (name, { limits }) => {
  const texts = Array.from({ length: limits.requestsMin + 1 }, (_, n) => `${n}`);

  it('keeps nothing of a batch that was to be deleted, once its results are here', async () => {
    const before = await keptAt(name);
    const id = await tidyBatch({ provider: name, texts });
    await service.work();
    expect((await keptAt(name)).length).toBeGreaterThan(before.length);
    await end();
    expect(await batchNow(services, id)).toMatchObject({
      status: 'COMPLETED',
      succeeded: texts.length,
      resultsExpireAt: null,
    });
    expect(await jobNow(services, id)).toMatchObject({ providerFiles: 'DELETED', providerFilesError: null });
    expect(await keptAt(name)).toEqual(before);
  });

  it('keeps everything of one that was not, until that is asked for after its end', async () => {
    const before = await keptAt(name);
    const { id } = await makeBatch(services, scope, { provider: name, texts });
    await end();
    expect((await jobNow(services, id)).providerFiles).toBe('KEPT');
    expect((await keptAt(name)).length).toBeGreaterThan(before.length);
    await deleteProviderFiles(services, scope, id);
    await service.work();
    expect(await jobNow(services, id)).toMatchObject({
      providerFiles: 'DELETED',
      providerFilesDeletedAt: service.clock.now(),
    });
    expect(await keptAt(name)).toEqual(before);
  });
});

it.each(unable)('%s deletes nothing, so that nobody can ask for it', async (provider) => {
  await expect(tidyBatch({ provider })).rejects.toThrow(ValidationError);
  const { id } = await makeBatch(services, scope, { provider, submit: { kind: 'MANUAL' }, texts: [] });
  await cancelBatch(services, scope, id);
  await expect(deleteProviderFiles(services, scope, id)).rejects.toThrow(/deletes nothing/);
});

it('Nothing is deleted before the last result is stored, however long that takes', async () => {
  const id = await tidyBatch();
  openai().faults.add({ operation: 'content', effect: { kind: 'answer', status: 500 }, times: 3 });
  const from = openai().calls.length;
  await end();
  await service.turn(60, 10);
  expect((await jobNow(services, id)).providerFiles).toBe('DELETED');
  const operations = openai()
    .calls.slice(from)
    .map(({ operation }) => operation);
  expect(operations.indexOf('delete_file')).toBeGreaterThan(operations.lastIndexOf('content'));
  expect(callsOf(openai().calls.slice(from), 'content')).toBeGreaterThan(3);
});

it('A deletion that was done and whose answer was lost is made again, and counts once', async () => {
  const id = await tidyBatch();
  openai().faults.add({ operation: 'delete_file', effect: { kind: 'accept-and-drop' }, times: 2 });
  await end();
  await service.turn(30, 5);
  expect(await jobNow(services, id)).toMatchObject({ providerFiles: 'DELETED', providerFilesError: null });
  const { rows } = await services.db.read((q) =>
    q.execute(
      sql`select count(*)::int as n from events where batch_id = ${id} and kind = 'PROVIDER_FILES_DELETED'`,
    ),
  );
  expect(rows).toEqual([{ n: 1 }]);
});

it('A provider that refuses is asked no more, the job says why, and a caller can ask again', async () => {
  const id = await tidyBatch();
  openai().faults.add({ operation: 'delete_file', effect: { kind: 'answer', status: 403 } });
  await end();
  expect(await jobNow(services, id)).toMatchObject({
    status: 'COMPLETED',
    errorCode: null,
    dueAt: null,
    providerFiles: 'FAILED',
    providerFilesError: { code: expect.any(String), message: expect.any(String) },
  });
  await deleteProviderFiles(services, scope, id);
  await service.work();
  expect(await jobNow(services, id)).toMatchObject({ providerFiles: 'DELETED', providerFilesError: null });
});

it('Nothing is deleted with another key than the job was sent with: what that one does not show is not gone', async () => {
  const { id } = await makeBatch(services, scope);
  await end();
  await services.db.read((q) =>
    q.execute(sql`update jobs set credential = 'another' where batch_id = ${id}`),
  );
  const from = openai().calls.length;
  await deleteProviderFiles(services, scope, id);
  await service.work();
  expect(await jobNow(services, id)).toMatchObject({
    providerFiles: 'FAILED',
    providerFilesError: { code: 'credential_changed' },
  });
  expect(callsOf(openai().calls.slice(from), 'delete_file')).toBe(0);
});

it('Where results are lost, what the provider has is kept', async () => {
  const id = await tidyBatch();
  openai().faults.add({
    operation: 'content',
    effect: { kind: 'answer', status: 404, body: '{"error":{"message":"gone"}}' },
    times: Number.POSITIVE_INFINITY,
  });
  await end();
  openai().faults.clear();
  expect(await batchNow(services, id)).toMatchObject({ status: 'FAILED', errored: 2 });
  expect((await jobNow(services, id)).providerFiles).toBe('KEPT');
});

it('A batch is not deleted while its provider is still deleting its files', async () => {
  const id = await tidyBatch();
  openai().faults.add({ operation: 'delete_file', effect: { kind: 'drop' } });
  await end();
  await services.db.read((q) =>
    q.execute(
      sql`update jobs set provider_files = 'DELETING', due_at = now() + interval '1 year' where batch_id = ${id}`,
    ),
  );
  await expect(deleteBatch(services, scope, id)).rejects.toThrow(BatchStateError);
  await services.db.read((q) =>
    q.execute(sql`update jobs set due_at = ${service.clock.now().toISOString()} where batch_id = ${id}`),
  );
  await service.work();
  await deleteBatch(services, scope, id);
});

it('Every attempt is deleted, those of a later retry too, and a batch that is cancelled before it is sent has nothing', async () => {
  const id = await tidyBatch({ texts: ['fine', 'fails emulate:errored'] });
  await end();
  await retryBatch(services, scope, id, {});
  expect(await jobsNow(services, id)).toMatchObject([
    { providerFiles: 'DELETED' },
    { providerFiles: 'DELETING' },
  ]);
  await expect(deleteProviderFiles(services, scope, id)).rejects.toThrow(BatchStateError);
  await end();
  expect(await jobsNow(services, id)).toMatchObject([
    { providerFiles: 'DELETED' },
    { providerFiles: 'DELETED' },
  ]);
  const unsent = await tidyBatch();
  await cancelBatch(services, scope, unsent);
  await service.work();
  expect(await jobNow(services, unsent)).toMatchObject({ status: 'CANCELLED', providerFiles: 'KEPT' });
});
