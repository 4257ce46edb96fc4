/**
 * A real worker that is stopped by the system between the intent to send a job and the sending, for longer than its
 * lease and longer than it may send: meanwhile another looks for the job, finds nothing, and sends it. Let go on, the
 * first has all that it needs to send it once more.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createHandClock, type HandClock } from '../../src/clock.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { openProviderAccess } from '../../src/providers/access.ts';
import { anthropic } from '../../src/providers/anthropic/index.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { expectInvariants } from '../support/invariants.ts';
import { type RunningProcess, runBatchql } from '../support/processes.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { countFaults } from '../support/tally.ts';
import { batchNow, callsOf, jobNow, makeBatch } from '../support/verbs.ts';

countFaults();

let service: TestService;
let scope: OrganizationScope;
let emulator: Emulator;
let clock: HandClock;
let line: TestProxy;
let db: Database;
let services: Services;
let worker: RunningProcess;
beforeAll(async () => {
  service = await startTestService();
  ({ scope } = await service.addOrganization('stopping'));
  db = openDatabase({ url: service.app.databaseUrl, connectionsMax: 2 });
  // The other worker's time: the real one, and from there on as the test turns it.
  clock = createHandClock(new Date(Date.now()));
  const pace = { validatingSeconds: 0, runningSeconds: 1, finalizingSeconds: 0, cancellingSeconds: 0 };
  emulator = await anthropic.emulate({ clock, pace });
  const reach = new Map([[anthropic, { mode: 'LIVE', connection: emulator }]] as const);
  services = { ...service.app.services, db, clock, providers: openProviderAccess(reach, { clock }) };
  line = await startProxy(service.app.databaseUrl);
});
afterAll(async () => {
  worker.child.kill('SIGKILL');
  await worker.exit;
  await line.close();
  await expectInvariants(db);
  await db.close();
  await emulator.close();
  await service.close();
});

it('sends nothing when it goes on: the provider has one batch of the job', async () => {
  worker = runBatchql(['start', '--role', 'worker'], {
    DATABASE_URL: line.url,
    ANTHROPIC_API_KEY: emulator.apiKey,
    ANTHROPIC_BASE_URL: emulator.baseUrl,
    PORT: '0',
    LEASE_SECONDS: '1',
  });
  await worker.logged('BatchQL is running');
  // What it reads between its intent and its call.
  const reading = line.holdNext('"request" from "items"');
  const { id } = await makeBatch(services, scope, { provider: 'anthropic' });
  await reading.arrived;
  worker.child.kill('SIGSTOP');
  expect(await jobNow(services, id)).toMatchObject({ status: 'PENDING', providerJobId: null });
  expect(callsOf(emulator.calls, 'create')).toBe(0);

  const work = () => workOnce(services, service.app.databaseUrl);
  clock.advance({ minutes: 1 });
  await expect
    .poll(async () => work().then(() => jobNow(services, id)), { interval: 50, timeout: 30_000 })
    .toMatchObject({
      status: 'UNKNOWN',
      evidence: { lostAnswer: 'sender_died' },
    });
  clock.advance({ minutes: 13 });
  await work();
  expect(await jobNow(services, id)).toMatchObject({ providerJobId: expect.any(String) });
  expect(callsOf(emulator.calls, 'create')).toBe(1);

  reading.release();
  worker.child.kill('SIGCONT');
  await worker.logged('another worker took over the job');
  expect(callsOf(emulator.calls, 'create')).toBe(1);
  clock.advance({ minutes: 1 });
  await work();
  expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
  expect(await emulator.batches()).toHaveLength(1);
});
