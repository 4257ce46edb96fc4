/** Requests and results are kept for as long as a setting says; what is counted of them is kept for good. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sandboxKey } from '../../src/first-keys.ts';
import { chatBody } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';

let service: TestService;
let id: string;
let uuid: string;
beforeAll(async () => {
  service = await startTestService({ RESULT_RETENTION_DAYS: '90' });
  const requests = {
    list: [
      { customId: 'good', body: chatBody('what is kept') },
      { customId: 'bad', body: chatBody('what fails', 'emulate:errored') },
    ],
  };
  const { batch } = await mutate(service, 'createBatch', { provider: 'openai', submit: 'NOW', requests });
  await service.work();
  await service.turn(120, 15);
  ({ id } = batch);
  uuid = (await look()).uuid;
});
afterAll(() => service.close());

const document = `query($id: ID!) { batch(id: $id) {
  uuid status resultsKeptUntil resultsRemovedAt inputUrl outputUrl errorUrl completedAt
  counts { total succeeded errored } usage { inputTokens outputTokens } cost { actual savedAgainstRealtime unpriced } errorGroups { code count }
  items { edges { node { customId status request response text stopReason usage { outputTokens } cost { actual }
    error { code message } attempts { edges { node { status response text } } } } } }
  jobs { edges { node { status requestCount } } } } }`;

async function look() {
  const { data, errors } = await service.query(document, { id });
  expect(errors).toBeUndefined();
  return data.batch;
}

/** The same without what was to be removed, and what tells of it. */
function counted(batch: Awaited<ReturnType<typeof look>>) {
  const { resultsKeptUntil, resultsRemovedAt, inputUrl, outputUrl, errorUrl, ...rest } = batch;
  return JSON.parse(
    JSON.stringify(rest, (name, value) => (['request', 'response', 'text'].includes(name) ? null : value)),
  );
}

const download = (kind: string, method = 'GET') =>
  fetch(`${service.url}/batches/${uuid}/${kind}.jsonl`, {
    method,
    headers: { authorization: `Bearer ${sandboxKey}` },
  });
const kinds = ['input', 'output', 'errors'];

const spent = async () =>
  (
    await service.query(
      'query($from: Date!, $to: Date!) { viewer { organization { spend(from: $from, to: $to) { day cost } } } }',
      { from: '2026-11-01', to: '2026-11-30' },
    )
  ).data;

describe('What was kept long enough', () => {
  it('is announced from the end on, and there until its last moment', async () => {
    const batch = await look();
    const until = new Date(batch.completedAt).getTime() + 90 * 86_400_000;
    expect(batch).toMatchObject({
      status: 'COMPLETED',
      resultsKeptUntil: new Date(until).toISOString(),
      resultsRemovedAt: null,
    });
    service.clock.advance({ seconds: (until - service.clock.now().getTime()) / 1000 - 1 });
    await service.work();
    const { items } = await look();
    expect(items.edges[0].node).toMatchObject({ customId: 'good', request: chatBody('what is kept') });
    for (const kind of kinds) expect((await download(kind)).status).toBe(200);
  });

  it('is gone after it, as subscribers are told, and everything that was counted of it stays', async () => {
    const before = await look();
    const money = await spent();
    const feed = subscribeByWebSocket({
      url: service.url,
      query:
        'subscription { batchesUpdated { kind batch { id status resultsRemovedAt counts { succeeded } } } }',
    });
    // The feed tells what happens from when it is open on.
    while (feed.messages.length === 0) {
      await mutate(service, 'createBatch', { provider: 'openai', submit: 'MANUAL' });
    }
    service.clock.advance({ seconds: 1 });
    const removedAt = service.clock.now().toISOString();
    await service.work();
    const told = await feed.waitFor(({ batchesUpdated }) => batchesUpdated.kind === 'RESULTS_REMOVED');
    expect(told.batchesUpdated.batch).toEqual({
      id,
      status: 'COMPLETED',
      resultsRemovedAt: removedAt,
      counts: { succeeded: 1 },
    });
    await feed.stop();

    const after = await look();
    expect(counted(after)).toEqual(counted(before));
    expect(after).toMatchObject({
      resultsKeptUntil: null,
      resultsRemovedAt: removedAt,
      inputUrl: null,
      outputUrl: null,
      errorUrl: null,
    });
    for (const { node } of after.items.edges) {
      expect(node).toMatchObject({ request: null, response: null, text: null });
      expect(node.attempts.edges[0].node).toMatchObject({ response: null, text: null });
    }
    expect(after.items.edges[1].node.error).toMatchObject({ code: expect.any(String) });
    expect(await spent()).toEqual(money);
    await expectInvariants(service.app.services.db);
  });

  it('is answered with 410 where somebody would download it, not with an empty file', async () => {
    const { resultsRemovedAt: removedAt } = await look();
    for (const kind of kinds) {
      const response = await download(kind);
      expect(response.status).toBe(410);
      expect(await response.json()).toEqual({
        error: { code: 'RESULTS_REMOVED', message: expect.stringContaining('removed'), removedAt },
      });
      expect((await download(kind, 'HEAD')).status).toBe(410);
    }
  });

  it('cannot be tried again, and says so by its type', async () => {
    const { data } = await service.query(
      `mutation($id: ID!) { retryBatch(input: { batchId: $id }) {
        __typename ... on ResultsRemovedError { code removedAt } } }`,
      { id },
    );
    expect(data.retryBatch).toEqual({
      __typename: 'ResultsRemovedError',
      code: 'RESULTS_REMOVED',
      removedAt: (await look()).resultsRemovedAt,
    });
  });

  it('can still be deleted with everything that is left of it', async () => {
    expect(await mutate(service, 'deleteBatch', { batchId: id })).toMatchObject({
      __typename: 'DeleteBatchPayload',
    });
    expect((await service.query(document, { id })).data.batch).toBeNull();
  });
});

describe('What was not kept long enough', () => {
  it('stays while its batch is open, is under way, or was tried again since', async () => {
    const list = [{ body: chatBody('kept'), customId: 'kept' }];
    const failing = [{ body: chatBody('fails', 'emulate:errored') }];
    const make = async (fields: Record<string, unknown>): Promise<string> =>
      (await mutate(service, 'createBatch', { provider: 'openai', ...fields })).batch.id;
    const open = await make({ requests: { list } });
    const retried = await make({ submit: 'NOW', requests: { list: failing } });
    await service.work();
    await service.turn(120, 15);
    service.clock.advance({ hours: 24 * 89 });
    await mutate(service, 'retryBatch', { batchId: retried });
    await service.work();
    await service.turn(120, 15);
    service.clock.advance({ hours: 24 * 89 });
    await service.work();
    for (const each of [open, retried]) {
      const { data } = await service.query(
        `query($id: ID!) { batch(id: $id) { resultsRemovedAt items { edges { node { request } } } } }`,
        { id: each },
      );
      expect(data.batch.resultsRemovedAt).toBeNull();
      expect(data.batch.items.edges[0].node.request).not.toBeNull();
    }
  });
});
