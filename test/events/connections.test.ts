/** Clients that go, in order or without a word, and clients that are dead and do not know it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as verbs from '../../src/batches/verbs.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { createGraphqlApi } from '../../src/http/graphql.ts';
import { watchKeys } from '../../src/http/key-watch.ts';
import { cutWhenStalled } from '../../src/http/stalled-stream.ts';
import { serveWebSocket } from '../../src/http/websocket.ts';
import { createDice } from '../../src/providers/emulator/chance.ts';
import type { Services } from '../../src/services.ts';
import {
  batchesUpdatedDocument,
  batchUpdatedDocument,
  heavyDocument,
  heavyMetadata,
} from '../support/live.ts';
import { type RawSubscriber, rawTransports } from '../support/raw-subscribers.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';
import { anotherProcess, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
beforeAll(async () => {
  service = await startTestService();
  ({ services } = service.app);
  ({ key, scope } = await service.addOrganization('connections'));
});
afterAll(() => service.close());

const openBatch = () => makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
const followers = (count: number) => expect.poll(() => services.hub.size, { timeout: 10_000 }).toBe(count);

describe.each(['WebSocket', 'SSE'] as const)('A client over %s', (name) => {
  it('that unsubscribes from a quiet batch is forgotten without anything moving', async () => {
    const { id } = await openBatch();
    const subscriber = transports[name]({
      url: service.url,
      query: batchUpdatedDocument,
      variables: { id },
      key,
    });
    await subscriber.waitFor(() => true);
    expect(services.hub.size).toBe(1);
    await subscriber.stop();
    await followers(0);
  });

  it('leaves no follower behind when it connects and vanishes 200 times, at any moment', async () => {
    const { id } = await openBatch();
    const dice = createDice(name.length);
    const come = async (): Promise<void> => {
      const query = dice(4) === 0 ? batchesUpdatedDocument : batchUpdatedDocument;
      const subscriber = rawTransports[name]({ url: service.url, query, variables: { id }, key });
      const moment = dice(4);
      if (moment === 1) await new Promise(setImmediate);
      if (moment === 2) await service.query('{ __typename }');
      if (moment === 3 && query === batchUpdatedDocument) await subscriber.received(1);
      subscriber.destroy();
      await subscriber.closed;
    };
    for (let round = 0; round < 10; round += 1) await Promise.all(Array.from({ length: 20 }, come));
    await followers(0);

    const last = rawTransports[name]({
      url: service.url,
      query: batchUpdatedDocument,
      variables: { id },
      key,
    });
    await last.received(1);
    expect(services.hub.size).toBe(1);
    last.destroy();
    await followers(0);
  });
});

const ofThisMachine = { sandbox: true, origin: () => '', corsOrigins: [], sandboxKey: null };

describe('A client that is dead and does not know it', () => {
  /** The same server with less patience. */
  async function impatient(patienceMilliseconds: number) {
    const keys = watchKeys(services);
    const options = { services, ...ofThisMachine, keys };
    const api = createGraphqlApi(options, keys);
    const server: Server = createServer(async (request, response) => {
      await api(request, response);
      cutWhenStalled(request, response, patienceMilliseconds);
    });
    const sockets = serveWebSocket(server, api, options, patienceMilliseconds);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}`,
      async close() {
        await sockets.close(1);
        keys.close();
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  /** Waits for the dead one to be cut off; the other must still be there and be told of a change. */
  async function expectOnlyTheDeadIsCut(id: string, dead: RawSubscriber, living: RawSubscriber) {
    await dead.closed;
    await followers(1);
    const before = living.messages.length;
    await verbs.updateBatch(services, scope, id, { name: 'still here?' });
    await living.received(before + 1);
    living.destroy();
    await followers(0);
  }

  it('is cut off over WebSocket when it answers no pings, and one that answers is not', async () => {
    const { id } = await openBatch();
    const server = await impatient(100);
    const request = { url: server.url, query: batchUpdatedDocument, variables: { id }, key };
    const living = rawTransports.WebSocket(request);
    const dead = rawTransports.WebSocket(request, { answersPings: false });
    await Promise.all([living.received(1), dead.received(1)]);
    await expectOnlyTheDeadIsCut(id, dead, living);
    expect(await dead.closed).toBe(1006);
    await server.close();
  });

  it('is cut off over SSE when it takes no bytes, and one that only hears little is not', async () => {
    const { id } = await openBatch();
    const server = await impatient(1000);
    const living = rawTransports.SSE({
      url: server.url,
      query: batchUpdatedDocument,
      variables: { id },
      key,
    });
    const dead = rawTransports.SSE({ url: server.url, query: heavyDocument, variables: { id }, key });
    await Promise.all([living.received(1), dead.received(1)]);
    dead.pause();
    // More than fits into the buffers between us.
    await verbs.updateBatch(services, scope, id, { metadata: heavyMetadata });
    await followers(1);
    dead.resume();
    await expectOnlyTheDeadIsCut(id, dead, living);
    await server.close();
  });
});

describe('A WebSocket client without a good key', () => {
  it('is closed as forbidden, and one that cannot be signed in because of us is told to try again', async () => {
    const { id } = await openBatch();
    const request = { url: service.url, query: batchUpdatedDocument, variables: { id } };
    expect(await rawTransports.WebSocket({ ...request, key: 'bq_wrong' }).closed).toBe(4403);

    const { services: broken, db } = anotherProcess(service);
    await db.close();
    const keys = watchKeys(broken);
    const options = { services: broken, ...ofThisMachine, keys };
    const api = createGraphqlApi(options, keys);
    const server = createServer();
    const sockets = serveWebSocket(server, api, options);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await rawTransports.WebSocket({ ...request, url: `http://127.0.0.1:${port}`, key }).closed).toBe(
      1013,
    );
    await sockets.close(1);
    keys.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
