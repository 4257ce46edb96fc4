/** Files that do not come as they should, sent over a real socket: nothing of them is left, and the batch goes on. */
import { gzipSync } from 'node:zlib';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { globalId } from '../../src/resolvers/arguments.ts';
import { createBatchDocument } from '../support/documents.ts';
import { addKey, organizationOf } from '../support/keys.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';
import { beginFile, createUpload, linesFor, putFile, putZipped, uploadFields } from '../support/uploads.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

async function openBatch(): Promise<string> {
  const input = { provider: 'openai', requests: { jsonl: linesFor('openai', 1, 'had-') } };
  const { data } = await service.query(createBatchDocument, { input });
  return data.createBatch.batch.id;
}

const seen = `query($id: ID!) { batch(id: $id) { uuid status version bytes counts { total pending }
  items(first: 9) { totalCount edges { node { customId } } } upload { status error { code } issueCount } } }`;
const batchOf = async (id: string) => (await service.query(seen, { id })).data.batch;

/** How many rows of requests there are at all, whoever they are of and wherever they stand. */
async function storedRows(): Promise<number> {
  const { rows } = await service.app.services.db.read((q) =>
    q.execute<{ count: number }>(sql`select count(*)::int as count from items`),
  );
  return rows[0]?.count ?? 0;
}

const follow = (id: string) =>
  subscribeByWebSocket({
    url: service.url,
    query: `subscription($id: ID!) { uploadUpdated(id: $id) { ${uploadFields} } }`,
    variables: { id },
  });

const addRequests = `mutation($input: AddRequestsInput!) { addRequests(input: $input) {
  __typename ... on Error { code } ... on AddRequestsPayload { batch { counts { total } } } } }`;

async function add(batchId: string, prefix: string) {
  const input = { batchId, requests: { jsonl: linesFor('openai', 1, prefix) } };
  return (await service.query(addRequests, { input })).data.addRequests;
}

/** So many that some of them are stored before the file ends. */
const manyLines = (count = 12_000): string => linesFor('openai', count);

describe('A file that does not come whole', () => {
  it('because its sender goes away leaves nothing, and the batch takes requests again', async () => {
    const batchId = await openBatch();
    const before = { batch: await batchOf(batchId), rows: await storedRows() };
    const { url, upload } = await createUpload(service, { batchId });
    const progress = follow(upload.id);
    const sending = beginFile(url);
    await sending.send(manyLines());
    await progress.waitFor(({ uploadUpdated }) => uploadUpdated.requests >= 10_000);
    expect(await storedRows()).toBeGreaterThan(before.rows);
    expect(await add(batchId, 'meanwhile-')).toMatchObject({ __typename: 'BatchStateError' });
    expect(await putFile(url, manyLines(1))).toMatchObject({
      status: 409,
      body: { error: { code: 'BUSY' } },
    });
    sending.abort();
    await progress.waitFor(({ uploadUpdated }) => uploadUpdated.error?.code === 'ABORTED');
    await progress.stop();
    // Its rows go after it has failed, in steps; what is left of them is the sweep's.
    await service.work();
    expect(await storedRows()).toBe(before.rows);
    expect(await batchOf(batchId)).toEqual({
      ...before.batch,
      upload: { status: 'FAILED', error: { code: 'ABORTED' }, issueCount: 0 },
    });
    expect(await add(batchId, 'after-')).toMatchObject({ batch: { counts: { total: 2 } } });
    expect(await putFile(url, linesFor('openai', 2))).toMatchObject({ status: 200 });
    expect(await batchOf(batchId)).toMatchObject({ counts: { total: 4 }, items: { totalCount: 4 } });
  });

  it('because the key that asked for its URL is revoked leaves nothing', async () => {
    const organization = await organizationOf(service);
    const key = await addKey(service, organization, { name: 'soon revoked' });
    const batchId = await openBatch();
    const before = { batch: await batchOf(batchId), rows: await storedRows() };
    const { url, upload } = await createUpload(service, { batchId }, key);
    const progress = follow(upload.id);
    const sending = beginFile(url);
    await sending.send(manyLines());
    await progress.waitFor(({ uploadUpdated }) => uploadUpdated.requests >= 10_000);
    const own = '{ viewer { apiKey { id } } }';
    const { data } = await service.query(own, {}, key);
    await mutate(service, 'revokeApiKey', { apiKeyId: data.viewer.apiKey.id });
    await sending.send(linesFor('openai', 12_000, 'more-'));
    sending.end();
    expect(await sending.answer).toMatchObject({ status: 401, body: { error: { code: 'KEY_REVOKED' } } });
    await progress.stop();
    expect(await storedRows()).toBe(before.rows);
    expect(await batchOf(batchId)).toMatchObject({
      ...before.batch,
      upload: { status: 'FAILED', error: { code: 'KEY_REVOKED' } },
    });
    expect((await putFile(url, linesFor('openai', 1))).status).toBe(404);
  });

  it('because whoever received it is gone is removed by the sweep, and one that comes back then changes nothing', async () => {
    const batchId = await openBatch();
    const before = { batch: await batchOf(batchId), rows: await storedRows() };
    const { url, upload } = await createUpload(service, { batchId });
    const progress = follow(upload.id);
    const sending = beginFile(url);
    await sending.send(manyLines());
    await progress.waitFor(({ uploadUpdated }) => uploadUpdated.requests >= 10_000);
    await progress.stop();
    // To everybody else a process that gives no sign of life is a dead one.
    await service.app.services.db.read((q) =>
      q.execute(
        sql`update uploads set lease_until = clock_timestamp() - interval '1 second' where id = ${upload.uuid}::uuid`,
      ),
    );
    await service.work();
    expect(await storedRows()).toBe(before.rows);
    const lost = { ...before.batch, upload: { status: 'FAILED', error: { code: 'LOST' }, issueCount: 0 } };
    expect(await batchOf(batchId)).toEqual(lost);

    await sending.send(linesFor('openai', 12_000, 'more-'));
    sending.end();
    expect(await sending.answer).toMatchObject({ status: 409, body: { error: { code: 'LOST' } } });
    expect(await storedRows()).toBe(before.rows);
    expect(await batchOf(batchId)).toEqual(lost);
    expect(await putFile(url, linesFor('openai', 2))).toMatchObject({ status: 200 });
    expect(await batchOf(batchId)).toMatchObject({ counts: { total: 3 } });
  });

  it.each([
    ['torn', (zipped: Buffer) => zipped.subarray(0, zipped.length / 2)],
    ['torn in its last bytes', (zipped: Buffer) => zipped.subarray(0, -3)],
    [
      'damaged',
      (zipped: Buffer) =>
        Buffer.concat([zipped.subarray(0, 900), Buffer.alloc(99, 0xff), zipped.subarray(999)]),
    ],
    ['no gzip at all', () => Buffer.from(linesFor('openai', 3))],
  ])('because its gzip is %s is refused and leaves nothing', async (_how, broken) => {
    const batchId = await openBatch();
    const before = { batch: await batchOf(batchId), rows: await storedRows() };
    const { url } = await createUpload(service, { batchId });
    const file = broken(gzipSync(manyLines()));
    expect(await putFile(url, file, { 'content-encoding': 'gzip' })).toMatchObject({
      status: 400,
      body: { error: { code: 'BAD_GZIP', upload: { status: 'FAILED' } } },
    });
    expect(await storedRows()).toBe(before.rows);
    expect(await batchOf(batchId)).toEqual({
      ...before.batch,
      upload: { status: 'FAILED', error: { code: 'BAD_GZIP' }, issueCount: expect.any(Number) },
    });
    expect(await putZipped(url, linesFor('openai', 1))).toMatchObject({ status: 200 });
  });
});

it('A file with bad lines is refused as a whole with the first of them, and nothing of it is stored', async () => {
  const batchId = await openBatch();
  const before = { batch: await batchOf(batchId), rows: await storedRows() };
  const { url } = await createUpload(service, { batchId });
  const bad = Array.from({ length: 30 }, (_, index) => `no json ${index}\n`).join('');
  // The last repeats a line that was stored in an earlier chunk.
  const file = `${manyLines()}${bad}${linesFor('openai', 1)}`;
  const { status, body } = await putFile(url, file);
  expect(status).toBe(422);
  expect(body.error).toMatchObject({ code: 'INVALID', upload: { status: 'FAILED', issueCount: 31 } });
  expect(body.error.upload.issues.map(({ line }: { line: number }) => line)).toEqual(
    Array.from({ length: 20 }, (_, index) => 12_001 + index),
  );
  expect(await storedRows()).toBe(before.rows);
  expect(await batchOf(batchId)).toEqual({
    ...before.batch,
    upload: { status: 'FAILED', error: { code: 'INVALID' }, issueCount: 31 },
  });
});

it('A reader sees nothing of a file before all of it is there', async () => {
  const batchId = await openBatch();
  const before = await batchOf(batchId);
  const { url, upload } = await createUpload(service, { batchId });
  const progress = follow(upload.id);
  const sending = beginFile(url);
  await sending.send(manyLines());
  await progress.waitFor(({ uploadUpdated }) => uploadUpdated.requests >= 10_000);
  const input = await fetch(`${service.url}/batches/${before.uuid}/input.jsonl`, {
    headers: { authorization: `Bearer ${sandboxKey}` },
  });
  expect((await input.text()).trim().split('\n')).toHaveLength(1);
  const item = globalId('BatchItem', `${before.uuid}:7`);
  const byId = 'query($id: ID!) { node(id: $id) { id } }';
  expect((await service.query(byId, { id: item })).data).toEqual({ node: null });
  expect(await batchOf(batchId)).toEqual({
    ...before,
    upload: { status: 'RECEIVING', error: null, issueCount: 0 },
  });
  sending.end();
  expect(await sending.answer).toMatchObject({ status: 200 });
  await progress.done;
  expect((await service.query(byId, { id: item })).data).toEqual({ node: { id: item } });
  expect(await batchOf(batchId)).toMatchObject({
    version: before.version + 1,
    counts: { total: 12_001 },
    items: { totalCount: 12_001 },
  });
});

describe('The URL of an upload', () => {
  it('whose file is in answers the next with what it answered the first, and reads nothing of it', async () => {
    const batchId = await openBatch();
    const { url } = await createUpload(service, { batchId });
    const first = await putFile(url, linesFor('openai', 2));
    expect(first).toMatchObject({ status: 200, body: { upload: { status: 'COMPLETED', requests: 2 } } });
    expect(await putFile(url, linesFor('openai', 2))).toEqual(first);
    expect(await putFile(url, 'something else')).toEqual(first);
    expect(await batchOf(batchId)).toMatchObject({ counts: { total: 3 } });
  });

  it('that is wrong, replaced or over is answered 404 without a hint which', async () => {
    const batchId = await openBatch();
    const idempotencyKey = 'the same';
    const { url: replaced } = await createUpload(service, { batchId, idempotencyKey });
    const { url, upload } = await createUpload(service, { batchId, idempotencyKey });
    expect(url).not.toBe(replaced);
    const { origin } = new URL(url);
    const answers = [
      await putFile(replaced, manyLines(1)),
      await putFile(`${url.slice(0, -4)}aaaa`, manyLines(1)),
      await putFile(`${origin}/uploads/01900000-0000-7000-8000-000000000000/${'a'.repeat(32)}`, manyLines(1)),
      await putFile(`${origin}/uploads/nothing/${'a'.repeat(32)}`, manyLines(1)),
    ];
    service.clock.advance({ seconds: 24 * 3600 + 1 });
    answers.push(await putFile(url, manyLines(1)));
    for (const answer of answers) {
      expect(answer).toEqual({
        status: 404,
        body: { error: { code: 'NOT_FOUND', message: 'There is no upload with this id.' } },
      });
    }
    expect(await batchOf(batchId)).toMatchObject({ counts: { total: 1 }, upload: { status: upload.status } });
  });

  it('costs its key a point for each file, and a wrong one counts as a wrong key', async () => {
    const limited = await startTestService({ RATE_LIMIT_PER_KEY: '4', SIGN_IN_FAILURES_MAX: '2' });
    try {
      const { url } = await createUpload(limited, { batch: { provider: 'openai' } });
      // What it took to make the URL is paid; the rest of the minute is three files' or fewer.
      limited.clock.advance({ seconds: 60 });
      for (let left = 3; left >= 0; left -= 1) {
        const response = await fetch(url, { method: 'PUT', body: linesFor('openai', 1) });
        expect(response.status).toBe(200);
        expect(response.headers.get('ratelimit-remaining')).toBe(String(left));
      }
      const refused = await fetch(url, { method: 'PUT', body: linesFor('openai', 1) });
      expect(refused.status).toBe(429);
      expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(await refused.json()).toMatchObject({ error: { code: 'RATE_LIMITED' } });

      const wrong = `${url.slice(0, -4)}aaaa`;
      const statuses = [];
      for (let count = 0; count < 3; count += 1) statuses.push((await putFile(wrong, 'x')).status);
      expect(statuses).toEqual([404, 404, 429]);
    } finally {
      await limited.close();
    }
  });
});
