/** What subscribers see of a service that stops. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as verbs from '../../src/batches/verbs.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { listen } from '../../src/http/server.ts';
import type { Services } from '../../src/services.ts';
import {
  batchesUpdatedDocument,
  batchUpdatedDocument,
  heavyDocument,
  heavyMetadata,
} from '../support/live.ts';
import { rawTransports } from '../support/raw-subscribers.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
beforeEach(async () => {
  service = await startTestService();
  ({ services } = service.app);
  ({ key, scope } = await service.addOrganization('stopping'));
});
afterEach(() => service.close());

const openBatch = () => makeBatch(services, scope, { submit: { kind: 'MANUAL' } });

/** Fails unless `work` ends within so many seconds of real time. */
async function within(seconds: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not within ${seconds} seconds`)), seconds * 1000);
  await Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}

describe('A service that stops', () => {
  it('sends WebSocket clients elsewhere and completes SSE streams, waiting and busy ones, without delay', async () => {
    const { id } = await openBatch();
    const request = { url: service.url, key };
    const [socket, socketFeed, sse, sseFeed] = [rawTransports.WebSocket, rawTransports.SSE].flatMap(
      (subscribe) => [
        subscribe({ ...request, query: batchUpdatedDocument, variables: { id } }),
        subscribe({ ...request, query: batchesUpdatedDocument }),
      ],
    );
    await Promise.all([socket?.received(1), sse?.received(1)]);
    await expect.poll(() => services.hub.size).toBe(4);
    // Half of the streams are reading while the service stops.
    services.hub.announceAll();
    await within(4, service.app.close());
    expect(await Promise.all([socket?.closed, socketFeed?.closed])).toEqual([1001, 1001]);
    await Promise.all([sse?.completed, sseFeed?.completed, sse?.closed, sseFeed?.closed]);
    expect(services.hub.size).toBe(0);
    expect(service.logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('cuts off clients that take nothing when its grace is over', async () => {
    const { id } = await openBatch();
    const server = await listen({
      host: '127.0.0.1',
      port: 0,
      readiness: {},
      api: { services, sandbox: true, origin: () => '', corsOrigins: [], sandboxKey: null },
    });
    const subscribers = Object.values(rawTransports).map((subscribe) =>
      subscribe({ url: server.url, query: heavyDocument, variables: { id }, key }),
    );
    await Promise.all(subscribers.map(({ received }) => received(1)));
    for (const subscriber of subscribers) subscriber.pause();
    service.statements.length = 0;
    await verbs.updateBatch(services, scope, id, { metadata: heavyMetadata });
    // The change was read, for both at once; it is more than fits into their connections.
    await expect
      .poll(() => service.statements.filter((statement) => statement.includes('as k(id, after)')).length)
      .toBe(1);
    await within(5, server.close(0.5));
    for (const subscriber of subscribers) subscriber.resume();
    await Promise.all(subscribers.map(({ closed }) => closed));
    await expect.poll(() => services.hub.size).toBe(0);
  });
});
