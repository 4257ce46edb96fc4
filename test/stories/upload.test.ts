/** Files of requests, sent to a URL of their own over a real socket, as curl does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBatchDocument } from '../support/documents.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';
import { beginFile, createUpload, linesFor, putFile, putZipped, uploadFields } from '../support/uploads.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

async function openBatch(fields: Record<string, unknown> = {}): Promise<string> {
  const { data } = await service.query(createBatchDocument, { input: { provider: 'openai', ...fields } });
  return data.createBatch.batch.id;
}

async function batchOf(id: string) {
  const { data } = await service.query(
    `query($id: ID!) { batch(id: $id) { status bytes version counts { total pending } upload { id status }
      cost { estimatedLow: estimated { low } } items(last: 2) { totalCount edges { node { position customId } } } } }`,
    { id },
  );
  return data.batch;
}

const uploadOf = async (id: string) =>
  (await service.query(`query($id: ID!) { node(id: $id) { ... on Upload { ${uploadFields} } } }`, { id }))
    .data.node;

describe('A file that is sent to the URL of an upload', () => {
  it('of 100,000 lines is in the batch at once and as a whole, while its progress is pushed and nobody sees a part of it', {
    timeout: 60_000,
  }, async () => {
    const batchId = await openBatch({ requests: { jsonl: linesFor('openai', 1, 'first-') } });
    const { url, upload } = await createUpload(service, { batchId });
    const progress = subscribeByWebSocket({
      url: service.url,
      query: `subscription($id: ID!) { uploadUpdated(id: $id) { ${uploadFields} } }`,
      variables: { id: upload.id },
    });
    await progress.waitFor(({ uploadUpdated }) => uploadUpdated.status === 'WAITING');
    const sending = beginFile(url);
    for (let from = 0; from < 100_000; from += 10_000) {
      await sending.send(linesFor('openai', 10_000, 'id-', from));
    }
    await progress.waitFor(
      ({ uploadUpdated: { status, requests } }) => status === 'RECEIVING' && requests > 0,
    );
    expect(await batchOf(batchId)).toMatchObject({
      status: 'ACCUMULATING',
      version: 2,
      counts: { total: 1 },
      items: { totalCount: 1 },
      upload: { id: upload.id, status: 'RECEIVING' },
    });
    sending.end();
    const { status, body } = await sending.answer;
    expect(status).toBe(200);
    expect(body.upload).toMatchObject({
      status: 'COMPLETED',
      lines: 100_000,
      requests: 100_000,
      issueCount: 0,
    });
    await progress.done;
    expect(progress.messages.at(-1).data.uploadUpdated).toMatchObject({
      status: 'COMPLETED',
      requests: 100_000,
      batch: { counts: { total: 100_001, pending: 100_001 } },
    });
    expect(await batchOf(batchId)).toMatchObject({
      status: 'ACCUMULATING',
      version: 3,
      counts: { total: 100_001, pending: 100_001 },
      items: {
        edges: [{ node: { position: 99_999 } }, { node: { position: 100_000, customId: 'id-99999' } }],
      },
    });
  });

  it('makes a whole batch of a provider, and its requests are answered in the order of the file', async () => {
    const { url, batch } = await createUpload(service, {
      batch: { provider: 'openai', submit: 'NOW', name: 'whole' },
    });
    expect(await putZipped(url, linesFor('openai', 3))).toMatchObject({ status: 200 });
    await service.work();
    await service.turn(60);
    const { data } = await service.query(
      `query($id: ID!) { batch(id: $id) { status name counts { succeeded } items(first: 5) { edges { node { customId status } } } } }`,
      { id: batch.id },
    );
    expect(data.batch).toMatchObject({ status: 'COMPLETED', name: 'whole', counts: { succeeded: 3 } });
    expect(data.batch.items.edges.map(({ node }: { node: { customId: string } }) => node.customId)).toEqual([
      'id-0',
      'id-1',
      'id-2',
    ]);
  });

  it('with one bad line is refused as a whole, and every bad line is told as inline input tells it', async () => {
    const batchId = await openBatch({ requests: { jsonl: linesFor('openai', 1, 'had-') } });
    const { url, upload } = await createUpload(service, { batchId });
    const file = [
      linesFor('openai', 1).trim(),
      'no json',
      '',
      '{"customId":"b","body":{"messages":[]}}',
      linesFor('openai', 1).trim(),
      linesFor('openai', 1, 'had-').trim(),
    ].join('\r\n');
    const inline = await service.query(
      `mutation($input: AddRequestsInput!) { addRequests(input: $input) { ... on ValidationError { issues { line message } } } }`,
      { input: { batchId, requests: { jsonl: file.replaceAll('had-0', 'new-0') } } },
    );
    const { status, body } = await putFile(url, file);
    expect(status).toBe(422);
    expect(body.error).toMatchObject({ code: 'INVALID', upload: { status: 'FAILED', issueCount: 4 } });
    const told = body.error.upload.issues.map(({ line, message }: { line: number; message: string }) => ({
      line,
      message,
    }));
    expect(told.slice(0, 3)).toEqual(inline.data.addRequests.issues);
    expect(told[3]).toEqual({
      line: 6,
      message: 'Line 6 has a customId that the batch has already; customIds are unique within a batch.',
    });
    expect(await uploadOf(upload.id)).toMatchObject({
      status: 'FAILED',
      issueCount: 4,
      error: { code: 'INVALID' },
    });
    expect(await batchOf(batchId)).toMatchObject({ counts: { total: 1 }, items: { totalCount: 1 } });
    // Nothing of it stands in the way of the next try, through the same URL.
    expect(await putFile(url, linesFor('openai', 2))).toMatchObject({ status: 200 });
    expect(await batchOf(batchId)).toMatchObject({ counts: { total: 3 } });
  });
});
