/**
 * Being told: a batch names a URL, ends, and a receiver of the caller's, at work, away and back again, learns of it once
 * and can be sure who told it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { callbackBodySchema } from '../../src/domain/callback-body.ts';
import { chatBody } from '../support/documents.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { type Receiver, startReceiver, verified } from '../support/receiver.ts';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  service = await startTestService({ CALLBACK_ALLOW: '127.0.0.0/8', CALLBACK_SECONDS: '5' });
});
afterEach(() => expectInvariants(service.app.services.db));
afterAll(async () => {
  await service.close();
  await receiver.close();
});

const callbackFields = `callback { url status deliveryId sentAt statusCode error nextAttemptAt
  attempts { totalCount edges { node { deliveryId number startedAt finishedAt statusCode error } } } }`;

async function callbackOf(id: string) {
  const { data } = await service.query(
    `query($id: ID!) { batch(id: $id) { uuid status url outputUrl ${callbackFields} } }`,
    { id },
  );
  return data.batch;
}

const statusCodes = ({ callback }: Awaited<ReturnType<typeof callbackOf>>) =>
  callback.attempts.edges.map(({ node }: { node: { statusCode: number | null } }) => node.statusCode);

/** Turns the clock to the next attempt, and does what is due then. */
async function waitForNextAttempt(id: string): Promise<number> {
  const { callback } = await callbackOf(id);
  const seconds = (Date.parse(callback.nextAttemptAt) - service.clock.now().getTime()) / 1000;
  service.clock.advance({ seconds });
  await service.work();
  return seconds;
}

async function endedBatch(texts: readonly string[] = ['a prompt that nobody else sees']): Promise<string> {
  const { batch } = await mutate(service, 'createBatch', {
    provider: 'openai',
    name: 'Told',
    metadata: { order: '4711' },
    callbackUrl: receiver.url,
    requests: { list: texts.map((text) => ({ body: chatBody(text) })) },
    submit: 'NOW',
  });
  await service.work();
  await service.turn(30, 15);
  return batch.id;
}

describe('A batch with a callback URL', () => {
  it('tells it once, when it has ended, signed with the secret that an admin reads', async () => {
    const { callbackSecret } = await mutate(service, 'rotateCallbackSecret', {});
    const { batch: open } = await mutate(service, 'createBatch', {
      provider: 'openai',
      callbackUrl: receiver.url,
    });
    expect((await callbackOf(open.id)).callback).toMatchObject({
      url: receiver.url,
      status: 'WAITING',
      deliveryId: null,
      nextAttemptAt: null,
      attempts: { totalCount: 0, edges: [] },
    });

    const id = await endedBatch();
    const { uuid, status, url, outputUrl, callback } = await callbackOf(id);
    expect(status).toBe('COMPLETED');
    expect(receiver.calls).toHaveLength(1);
    const [call] = receiver.calls.splice(0);
    expect(call).toMatchObject({
      method: 'POST',
      path: '/hook',
      headers: { 'content-type': 'application/json', 'webhook-id': callback.deliveryId },
    });
    const told = callbackBodySchema.parse(verified(call!, callbackSecret.secret, service.clock.now()));
    expect(told).toMatchObject({
      type: 'batch.completed',
      data: {
        batchId: uuid,
        status: 'COMPLETED',
        name: 'Told',
        metadata: { order: '4711' },
        counts: { total: 1, succeeded: 1 },
        url,
        outputUrl,
        errorUrl: null,
      },
    });
    expect(call?.body).not.toContain('nobody else sees');
    expect(callback).toMatchObject({
      status: 'DELIVERED',
      statusCode: 204,
      error: null,
      nextAttemptAt: null,
      attempts: { totalCount: 1, edges: [{ node: { number: 1, statusCode: 204, error: null } }] },
    });
    // Who has a key reads there what was told of.
    const download = await fetch(told.data.outputUrl ?? '', { headers: { 'x-api-key': 'bq_sandbox' } });
    expect(download.status).toBe(200);
    expect(await download.text()).toContain('item-1');
  });

  it('calls again while the receiver is away, each time later, with the same id and a new time', async () => {
    receiver.answer(500, 503, (response) => response.destroy(), 200);
    const id = await endedBatch();
    expect((await callbackOf(id)).callback).toMatchObject({
      status: 'PENDING',
      statusCode: 500,
      error: 'The receiver answered 500.',
    });
    const pauses = [];
    for (let attempt = 2; attempt <= 4; attempt += 1) pauses.push(await waitForNextAttempt(id));
    for (const [index, seconds] of [5, 300, 1_800].entries()) {
      expect(pauses[index]).toBeGreaterThan(seconds * 0.85);
      expect(pauses[index]).toBeLessThan(seconds * 1.15);
    }
    const batch = await callbackOf(id);
    expect(batch.callback).toMatchObject({ status: 'DELIVERED', statusCode: 200, nextAttemptAt: null });
    expect(statusCodes(batch)).toEqual([500, 503, null, 200]);
    const calls = receiver.calls.splice(0);
    expect(new Set(calls.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(calls.map(({ body }) => body)).size).toBe(1);
    expect(new Set(calls.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(4);
  });

  it('is given up after more than a day, and told again when somebody asks for it', async () => {
    receiver.answer(...Array.from({ length: 8 }, () => 500));
    const id = await endedBatch();
    const begun = service.clock.now().getTime();
    for (let attempt = 2; attempt <= 8; attempt += 1) await waitForNextAttempt(id);
    expect((service.clock.now().getTime() - begun) / 3_600_000).toBeGreaterThan(24);
    const givenUp = (await callbackOf(id)).callback;
    expect(givenUp).toMatchObject({ status: 'FAILED', nextAttemptAt: null, attempts: { totalCount: 8 } });
    await service.turn(86_400, 43_200);
    expect(receiver.calls).toHaveLength(8);

    const { batch } = await mutate(service, 'redeliverCallback', { batchId: id }, { batch: callbackFields });
    expect(batch.callback.status).toBe('PENDING');
    await service.work();
    const again = (await callbackOf(id)).callback;
    expect(again).toMatchObject({ status: 'DELIVERED', attempts: { totalCount: 9 } });
    expect(again.deliveryId).toBe(givenUp.deliveryId);
    const calls = receiver.calls.splice(0);
    expect(new Set(calls.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([again.deliveryId]));
  });

  it('is told again also after it was told', async () => {
    const id = await endedBatch();
    await mutate(service, 'redeliverCallback', { batchId: id });
    await service.work();
    expect(receiver.calls.splice(0)).toHaveLength(2);
    expect(statusCodes(await callbackOf(id))).toEqual([204, 204]);
  });

  it.each([
    ['COMPLETED', 'batch.completed', ['fine', 'bad emulate:errored']],
    ['FAILED', 'batch.failed', ['bad emulate:errored']],
    ['EXPIRED', 'batch.expired', ['late emulate:expired']],
  ])('that is %s says %s', async (status, type, texts) => {
    await endedBatch(texts);
    const [call] = receiver.calls.splice(0);
    const told = callbackBodySchema.parse(JSON.parse(call?.body ?? ''));
    expect([told.type, told.data.status]).toEqual([type, status]);
    expect(told.data.errorCode === null).toBe(status !== 'FAILED');
  });

  it('that is cancelled while it is open says batch.cancelled', async () => {
    const { batch } = await mutate(service, 'createBatch', {
      provider: 'openai',
      callbackUrl: receiver.url,
      requests: { list: [{ body: chatBody('never sent') }] },
    });
    await mutate(service, 'cancelBatch', { batchId: batch.id });
    await service.work();
    const [call] = receiver.calls.splice(0);
    expect(callbackBodySchema.parse(JSON.parse(call?.body ?? ''))).toMatchObject({
      type: 'batch.cancelled',
      data: { submittedAt: null, outputUrl: null, errorUrl: expect.any(String) },
    });
  });
});
