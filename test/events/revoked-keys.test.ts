/** What is open ends with the key that opened it: taken back, or at its own end; by every transport. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import { watchKeys } from '../../src/http/key-watch.ts';
import { signIn } from '../../src/sign-in.ts';
import { openLine } from '../support/breakable-line.ts';
import { mutate } from '../support/mutations.ts';
import { rawTransports } from '../support/raw-subscribers.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';

const query = 'subscription($id: ID!) { batchUpdated(id: $id) { seq } }';
const refusal = [{ message: expect.any(String), extensions: { code: 'UNAUTHENTICATED' } }];

describe('A key that cannot be asked about', () => {
  it('keeps what it has open until the database answers, and no longer', async () => {
    const service = await startTestService();
    const { services, databaseUrl } = service.app;
    const { key, apiKey } = await mutate(service, 'createApiKey', { name: 'page', scope: 'READ' });
    const viewer = await signIn(services, { 'x-api-key': key }, true);
    if (viewer === null) throw new Error('the key was made just now');
    const line = await openLine(databaseUrl);
    const url = new URL(databaseUrl);
    url.host = new URL(line.url).host;
    const db = openDatabase({ url: url.href, connectionsMax: 1 });
    const keys = watchKeys({ ...services, db }, 10);
    const triedInVain = line.cut();
    const ended = Promise.withResolvers<void>();
    let ends = 0;
    keys.watch(viewer, () => {
      ends += 1;
      ended.resolve();
    });
    await mutate(service, 'revokeApiKey', { apiKeyId: apiKey.id });
    await triedInVain;
    expect(ends).toBe(0);
    line.mend();
    await ended.promise;
    keys.close();
    await db.close();
    await line.close();
    await service.close();
    expect(ends).toBe(1);
  });
});

describe.each(['notify', 'poll'])('With EVENTS=%s', (events) => {
  let service: TestService;
  let id: string;
  beforeAll(async () => {
    service = await startTestService({ EVENTS: events });
    ({
      batch: { id },
    } = await mutate(service, 'createBatch', { provider: 'openai' }));
  });
  afterAll(() => service.close());

  const createKey = (input = {}) =>
    mutate(service, 'createApiKey', { name: 'page', scope: 'READ', ...input });

  /** A stream of each kind, and how each ends. */
  async function openStreams(key: string) {
    const request = { url: service.url, query, variables: { id }, key };
    const sse = transports.SSE(request);
    const webSocket = transports.WebSocket(request);
    await Promise.all([sse.waitFor(() => true), webSocket.waitFor(() => true)]);
    return {
      sse,
      ended: Promise.all([
        sse.done.then(() => sse.messages.at(-1)),
        webSocket.done.then(
          () => null,
          (reason: unknown) => reason,
        ),
      ]),
    };
  }
  const theEnd = [{ errors: refusal }, expect.objectContaining({ code: 4403, reason: 'Forbidden' })];

  it('streams end as soon as their key is taken back, and say why', async () => {
    const { key, apiKey } = await createKey();
    const { ended } = await openStreams(key);
    await mutate(service, 'revokeApiKey', { apiKeyId: apiKey.id });
    expect(await ended).toEqual(theEnd);
    expect(await rawTransports.WebSocket({ url: service.url, query, variables: { id }, key }).closed).toBe(
      4403,
    );
  });

  it('streams end when the end of their key has come', async () => {
    const expiresAt = new Date(service.clock.now().getTime() + 60_000).toISOString();
    const { key } = await createKey({ expiresAt });
    const { ended } = await openStreams(key);
    service.clock.advance({ seconds: 60 });
    expect(await ended).toEqual(theEnd);
  });

  it('streams of another key go on', async () => {
    const { key } = await createKey();
    const { apiKey } = await createKey();
    const { sse } = await openStreams(key);
    await mutate(service, 'revokeApiKey', { apiKeyId: apiKey.id });
    const { batch } = await mutate(
      service,
      'updateBatch',
      { batchId: id, name: 'told' },
      { batch: 'version' },
    );
    await sse.waitFor((data) => data.batchUpdated.seq === batch.version);
    await sse.stop();
  });
});
