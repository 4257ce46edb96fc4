/**
 * What a network can do to a submission and to a poll, at every provider: one batch there in the end, every request
 * answered, and nothing is given up or sent again on a guess.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { openProviderAccess } from '../../src/providers/access.ts';
import type { Connection } from '../../src/providers/provider.ts';
import { providers } from '../../src/providers/registry.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startProxy } from '../support/proxy.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { countFaults } from '../support/tally.ts';
import { batchNow, jobNow, makeBatch, withProvider, workAt } from '../support/verbs.ts';

countFaults();

let service: TestService;
let services: Services;
let scope: OrganizationScope;
/** Answers every handshake with something else. */
let garbage: Server;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '10' });
  services = service.app.services;
  ({ scope } = await service.addOrganization('faulty lines'));
  garbage = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('220 mail.example ESMTP\r\n'));
  }).listen(0, '127.0.0.1');
  await once(garbage, 'listening');
});
afterEach(async () => {
  for (const { name } of providers) service.emulator(name).faults.clear();
  await expectInvariants(services.db);
  // The next batch must not be found by this one's time and size.
  service.clock.advance({ hours: 1 });
});
afterAll(async () => {
  garbage.close();
  await service.close();
});

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** A port of this machine where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Origins at which nobody is reached: no such name, nobody who listens, no handshake. */
const nowhere = async (): Promise<string[]> => [
  'https://batch.provider.invalid',
  `http://127.0.0.1:${await closedPort()}`,
  `https://127.0.0.1:${portOf(garbage)}`,
];

const named = providers.map((provider) => [provider.name, provider] as const);

describe.each(named)('A job for %s', (name, provider) => {
  const emulator = () => service.emulator(name);
  const operations = () => emulator().operations;
  /** As few requests as a job may have. */
  const count = Math.max(2, provider.limits.requestsMin);
  const make = async (by = services): Promise<string> => {
    const texts = Array.from({ length: count }, (_, index) => `question ${index}`);
    return (await makeBatch(by, scope, { provider: name, texts })).id;
  };
  const work = (by: Services) => workOnce(by, service.app.databaseUrl);
  /** The provider as it is, at this origin in the place of its emulator's. */
  const movedTo = (origin: string): Connection => {
    const { baseUrl, apiKey, more = {} } = emulator();
    const own = new URL(baseUrl).origin;
    const settings = Object.entries(more).map(([key, value]) => [key, value.replace(own, origin)]);
    return { apiKey, baseUrl: baseUrl.replace(own, origin), more: Object.fromEntries(settings) };
  };
  const completes = async (id: string): Promise<void> => {
    for (let round = 0; round < 15 && (await batchNow(services, id)).completedAt === null; round += 1) {
      await emulator().deliver?.();
      await service.turn(90, 90);
    }
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: count, errored: 0 });
  };

  it('whose answer is lost after the batch was made is found again, and is not sent twice', async () => {
    const before = (await emulator().batches()).length;
    emulator().faults.add({ operation: operations().create, effect: { kind: 'accept-and-drop' } });
    const id = await make();
    await service.work();
    expect((await jobNow(services, id)).evidence).toMatchObject({ lostAnswer: 'answer_lost' });
    await completes(id);
    expect((await emulator().batches()).length - before).toBe(1);
  });

  it('that is taken only after our patience ended and the look-up found nothing, is found later', async () => {
    const before = (await emulator().batches()).length;
    const taking = Promise.withResolvers<void>();
    emulator().faults.add({
      operation: operations().create,
      effect: { kind: 'late', until: taking.promise },
    });
    const settings = { ...services.settings, sendSeconds: 0.3 };
    const impatient: Services = { ...services, settings };
    const id = await make();
    await work(impatient);
    expect(await jobNow(services, id)).toMatchObject({ status: 'UNKNOWN', providerJobId: null });
    expect((await emulator().batches()).length - before).toBe(0);
    taking.resolve();
    await expect.poll(async () => (await emulator().batches()).length - before, { interval: 5 }).toBe(1);
    await completes(id);
    expect((await emulator().batches()).length - before).toBe(1);
  });

  it('that the provider does not know right after it took it, and then does, goes on as if nothing was', async () => {
    const id = await make();
    await service.work();
    expect(await jobNow(services, id)).toMatchObject({ providerJobId: expect.any(String) });
    emulator().faults.add({ operation: '*', effect: { kind: 'answer', status: 404, body: '{}' }, times: 2 });
    for (const failures of [1, 2]) {
      await workAt(service, (await jobNow(services, id)).dueAt);
      const job = await jobNow(services, id);
      expect(job).toMatchObject({ failures, failedAt: null });
      expect(['PENDING', 'RUNNING']).toContain(job.status);
    }
    await completes(id);
    expect((await jobNow(services, id)).failures).toBe(0);
  });

  it('goes through a storm of 500s at whatever is asked: it is sent once and loses nothing', async () => {
    const before = (await emulator().batches()).length;
    const made = async () => (await emulator().batches()).length - before;
    const storm = () =>
      emulator().faults.add({
        operation: '*',
        effect: { kind: 'answer', status: 500, body: '{}' },
        times: Number.POSITIVE_INFINITY,
      });
    storm();
    const id = await make();
    await service.turn(120, 60);
    expect(await batchNow(services, id)).toMatchObject({ succeeded: 0, errored: 0, completedAt: null });
    emulator().faults.clear();
    await service.turn(1080, 270);
    if (!provider.capabilities.absenceProves) {
      // Whether a 500 created something cannot be known here; nothing is sent, and a person is asked.
      expect(await jobNow(services, id)).toMatchObject({ status: 'UNKNOWN', dueAt: null });
      expect(await made()).toBe(0);
      return;
    }
    expect(await made()).toBe(1);
    if ((await batchNow(services, id)).completedAt === null) storm();
    await service.turn(60, 30);
    emulator().faults.clear();
    await completes(id);
    expect(await made()).toBe(1);
  });

  it('that cannot be reached, for whatever reason, waits, and is sent once when it can', async () => {
    const before = (await emulator().batches()).length;
    const id = await make();
    let failures = 0;
    for (const origin of await nowhere()) {
      await work(withProvider(service, provider, movedTo(origin)));
      failures += 1;
      expect(await jobNow(services, id)).toMatchObject({
        status: 'CREATED',
        errorCode: 'connection_failed',
        failures,
      });
      service.clock.advance({ seconds: 2 ** failures });
    }
    expect((await batchNow(services, id)).pending).toBe(count);
    await completes(id);
    expect((await emulator().batches()).length - before).toBe(1);
  });

  it('whose poll goes into a connection that fell silent is polled again over another', async () => {
    const line = await startProxy(new URL(emulator().baseUrl).origin);
    const connection = movedTo(new URL(line.url).origin);
    const reach = new Map([[provider, { mode: 'SANDBOX', connection }]] as const);
    const by: Services = {
      ...services,
      providers: openProviderAccess(reach, { clock: service.clock, callSeconds: 0.3 }),
    };
    const id = await make();
    await service.work();
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    emulator().faults.add({
      operation: '*',
      effect: {
        kind: 'hold',
        get until() {
          arrived.resolve();
          return released;
        },
      },
    });
    service.clock.advance({ seconds: 2 });
    const polling = work(by);
    await arrived.promise;
    line.freeze();
    release();
    await polling;
    expect(await jobNow(services, id)).toMatchObject({ errorCode: 'connection_failed', failures: 1 });
    await line.close();
    await completes(id);
  });
});
