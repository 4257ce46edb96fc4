/**
 * A database that goes: restarted while results are copied and changes listened for, and connections to it that fall
 * silent under a worker. Nothing is lost, nothing is done twice, and whoever was in the middle of something goes on.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { Services } from '../../src/services.ts';
import { startWorker, workOnce } from '../../src/worker/worker.ts';
import { startTestCluster, type TestCluster } from '../support/clusters.ts';
import { holdNext } from '../support/held-call.ts';
import { expectInvariants } from '../support/invariants.ts';
import { batchUpdatedDocument, expectToldExactly, type Told } from '../support/live.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';
import { countFaults } from '../support/tally.ts';
import { batchNow, callsOf, jobNow, makeBatch } from '../support/verbs.ts';

countFaults();

let cluster: TestCluster;
let line: TestProxy;
let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
beforeAll(async () => {
  cluster = await startTestCluster(18);
  line = await startProxy(cluster.url);
  service = await startTestService({ DATABASE_URL: line.url, SANDBOX_SECONDS: '4', LEASE_SECONDS: '1' });
  services = service.app.services;
  ({ scope, key } = await service.addOrganization('away'));
});
afterAll(async () => {
  await expectInvariants(services.db);
  await service.close();
  await line.close();
  await cluster.stop();
});

const texts = Array.from({ length: 60 }, (_, index) => `request ${index}`);
const batchOf = ({ data }: { data: { batchUpdated: Told } }): Told => data.batchUpdated;

it('Postgres is restarted while results are copied: none is lost or doubled, and a follower misses nothing', {
  timeout: 120_000,
}, async () => {
  const { id } = await makeBatch(services, scope, { texts });
  const follow = (after?: number) =>
    subscribeByWebSocket({
      url: service.url,
      key,
      query: batchUpdatedDocument,
      variables: after === undefined ? { id } : { id, after },
    });
  await service.work();
  const follower = follow();
  await follower.waitFor(() => true);
  const worker = await startWorker(services, service.app.databaseUrl);
  const results = holdNext(service.emulator('openai'), 'content');
  service.clock.advance({ seconds: 30 });
  await results.arrived;
  line.retarget(await cluster.restart());
  results.release();
  // Its stream may have ended with the database; what it has is what counts.
  let seen = follower.messages.map(batchOf);
  await expect
    .poll(
      async () => {
        service.clock.advance({ seconds: 10 });
        return batchNow(services, id).then(
          ({ status, succeeded }) => `${status} ${succeeded}`,
          () => 'the database is away',
        );
      },
      { timeout: 90_000, interval: 100 },
    )
    .toBe('COMPLETED 60');
  seen = follower.messages.map(batchOf);
  await follower.stop();
  const last = seen.at(-1);
  if (last?.batch?.status !== 'COMPLETED') {
    const resumed = follow(last?.seq);
    await resumed.done;
    seen = [...seen, ...resumed.messages.map(batchOf)];
    await resumed.stop();
  }
  await expectToldExactly(service, id, seen);
  await expect
    .poll(async () => (await fetch(`${service.url}/readyz`)).status, { timeout: 30_000, interval: 50 })
    .toBe(200);
  await worker.stop(5);
  expect(callsOf(service.emulator('openai').calls, 'create')).toBe(1);
});

it('a worker whose connections fall silent loses its job to another, changes nothing, and works on afterwards', {
  timeout: 120_000,
}, async () => {
  const emulator = service.emulator('openai');
  const before = (await emulator.batches()).length;
  const silent = await startProxy(line.url);
  const db: Database = openDatabase({ url: silent.url, connectionsMax: 4, answerSeconds: 1 });
  const cutOff: Services = { ...services, db };
  const { id } = await makeBatch(services, scope);
  const creating = holdNext(emulator, 'create');
  const working = workOnce(cutOff, service.app.databaseUrl);
  await creating.arrived;
  silent.freeze('all');
  creating.release();
  const { leaseEpoch } = await jobNow(services, id);
  await expect
    .poll(async () => service.work().then(() => jobNow(services, id)), { timeout: 60_000, interval: 50 })
    .toMatchObject({
      providerJobId: expect.any(String),
      evidence: { lostAnswer: 'sender_died', proof: 'EXACT' },
    });
  silent.retarget(line.url);
  await working;
  expect((await jobNow(services, id)).leaseEpoch).toBeGreaterThan(leaseEpoch);
  expect((await emulator.batches()).length - before).toBe(1);
  // Over new connections it works as ever.
  service.clock.advance({ seconds: 30 });
  await workOnce(cutOff, service.app.databaseUrl);
  await service.turn(30, 15);
  expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  await db.close();
  await silent.close();
});
