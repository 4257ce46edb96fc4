/** A provider is to keep nothing: asked for with the batch or after its end, seen by those who watch. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatBody } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const requests = { list: [{ body: chatBody('one') }, { body: chatBody('two') }] };
const kept = async () => (await service.emulator('openai').kept?.()) ?? [];

const jobsDocument = `query($id: ID!) { batch(id: $id) { status deleteProviderFiles jobs { edges { node {
  providerFiles providerFilesDeletedAt providerFilesError { code message } inputFileId outputFileId } } }
  items { edges { node { text } } } } }`;

describe('A batch of which its provider is to keep nothing', () => {
  it('is told to have it deleted after its end, and has all results here', async () => {
    const feed = subscribeByWebSocket({
      url: service.url,
      query: 'subscription { batchesUpdated { kind batch { id status } } }',
    });
    // The feed tells what happens from when it is open on.
    while (feed.messages.length === 0) {
      await mutate(service, 'createBatch', { provider: 'openai', submit: 'MANUAL' });
    }
    const input = { provider: 'openai', submit: 'NOW', deleteProviderFiles: true, requests };
    const { batch } = await mutate(service, 'createBatch', input);
    await service.work();
    expect(await kept()).toHaveLength(1);
    await service.turn(120, 15);
    const told = await feed.waitFor(({ batchesUpdated }) => batchesUpdated.kind === 'PROVIDER_FILES_DELETED');
    expect(told.batchesUpdated.batch).toEqual({ id: batch.id, status: 'COMPLETED' });
    await feed.stop();
    const { data } = await service.query(jobsDocument, { id: batch.id });
    expect(data.batch).toMatchObject({ status: 'COMPLETED', deleteProviderFiles: true });
    expect(data.batch.jobs.edges).toEqual([
      {
        node: {
          providerFiles: 'DELETED',
          providerFilesDeletedAt: expect.any(String),
          providerFilesError: null,
          inputFileId: expect.any(String),
          outputFileId: expect.any(String),
        },
      },
    ]);
    for (const { node } of data.batch.items.edges) expect(node.text).toEqual(expect.any(String));
    expect(await kept()).toEqual([]);
  });

  it('can also be told so after its end, and not before', async () => {
    const { batch } = await mutate(service, 'createBatch', { provider: 'openai', submit: 'NOW', requests });
    await service.work();
    expect(await mutate(service, 'deleteProviderFiles', { batchId: batch.id })).toMatchObject({
      __typename: 'BatchStateError',
    });
    await service.turn(120, 15);
    expect(await kept()).toHaveLength(2);
    expect(await mutate(service, 'deleteProviderFiles', { batchId: batch.id })).toMatchObject({
      __typename: 'DeleteProviderFilesPayload',
    });
    await service.work();
    expect(await kept()).toEqual([]);
    const { data } = await service.query(jobsDocument, { id: batch.id });
    expect(data.batch.jobs.edges[0].node.providerFiles).toBe('DELETED');
  });

  it('is refused for a provider that deletes nothing, which says so beforehand', async () => {
    const { data } = await service.query('{ providers { name capabilities { deletion } } }');
    const unable = data.providers.filter(
      ({ capabilities }: { capabilities: { deletion: boolean } }) => !capabilities.deletion,
    );
    expect(unable.map(({ name }: { name: string }) => name)).toEqual(['xai', 'letta', 'sync']);
    for (const { name: provider } of unable) {
      const answer = await mutate(service, 'createBatch', { provider, deleteProviderFiles: true });
      expect(answer).toMatchObject({
        __typename: 'ValidationError',
        issues: [{ path: ['input', 'deleteProviderFiles'] }],
      });
    }
  });
});
