/** What is left behind by those who die in the middle of their work, and by connections that are cut. */
import { sql } from 'drizzle-orm';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { changeHeldJob } from '../../src/batches/held-job.ts';
import { submissionOf } from '../../src/batches/job-report.ts';
import { takeLease } from '../../src/db/queries/leases.ts';
import type { JobRow } from '../../src/db/tables/jobs.ts';
import { itemKey } from '../../src/domain/ids.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import type { Emulator } from '../../src/providers/emulation.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Services } from '../../src/services.ts';
import { startWorker } from '../../src/worker/worker.ts';
import { chatBody } from '../support/documents.ts';
import { holdNext } from '../support/held-call.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { countFaults } from '../support/tally.ts';
import { anotherProcess, batchNow, callsOf, jobNow, makeBatch } from '../support/verbs.ts';

countFaults();

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let emulator: Emulator;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  emulator = service.emulator('openai');
  ({ scope } = await service.addOrganization('dying'));
});
afterEach(async () => {
  await service.turn(60, 20);
  await expectInvariants(services.db);
});
afterAll(() => service.close());

/** What the database's clock would do in half a minute. */
const expireLeases = () =>
  services.db.read((q) =>
    q.execute(
      sql`update jobs set lease_until = clock_timestamp() - interval '1 second' where lease_until is not null`,
    ),
  );

describe('A job whose sender died after it wrote its intent', () => {
  /** Takes the job and writes the intent as a sender does, and then nothing more: its process is gone. */
  async function dieSending(batchId: string): Promise<JobRow> {
    const now = service.clock.now();
    const intent = {
      status: 'PENDING',
      intentAt: now,
      sendBefore: new Date(now.getTime() + services.settings.sendSeconds * 1000),
      dueAt: now,
    } as const;
    const { id } = await jobNow(services, batchId);
    const job = await services.db.read((q) => takeLease(workerScope, q, id, { now, seconds: 30 }));
    if (job === null) throw new Error('the lease is not to be had');
    await changeHeldJob(services, job, () => ({ event: 'JOB_SENDING', set: intent }));
    return { ...job, ...intent };
  }

  it('is left alone while its lease lives, then looked for and adopted: one batch, no second call', async () => {
    const { id: batchId } = await makeBatch(services, scope);
    const job = await dieSending(batchId);
    await openai.connect(emulator, services).submit(submissionOf(job), {
      signal: new AbortController().signal,
      guard: () => {},
      saveCheckpoint: async () => undefined,
      async *items() {
        for (const [position, text] of ['one', 'two'].entries()) {
          const body = JSON.stringify(chatBody(text));
          yield { key: itemKey(job.nonce, position), endpoint: job.endpoint, body };
        }
      },
    });
    const creates = callsOf(emulator.calls, 'create');
    await service.work();
    expect((await jobNow(services, batchId)).status).toBe('PENDING');
    await expireLeases();
    await service.work();
    const found = (await emulator.batches()).at(-1);
    expect(await jobNow(services, batchId)).toMatchObject({
      status: 'PENDING',
      providerJobId: found?.id,
      evidence: { lostAnswer: 'sender_died', proof: 'EXACT' },
    });
    await service.turn(40, 10);
    expect(await batchNow(services, batchId)).toMatchObject({ status: 'COMPLETED', succeeded: 2 });
    expect(callsOf(emulator.calls, 'create')).toBe(creates);
  });

  it('is sent again only after everything that it sent would have come to show', async () => {
    const creates = callsOf(emulator.calls, 'create');
    const { id: batchId } = await makeBatch(services, scope);
    await dieSending(batchId);
    await expireLeases();
    await service.work();
    await service.turn(719, 240);
    expect((await jobNow(services, batchId)).status).toBe('UNKNOWN');
    expect(callsOf(emulator.calls, 'create')).toBe(creates);
    await service.turn(1, 1);
    expect(callsOf(emulator.calls, 'create')).toBe(creates + 1);
  });
});

describe('A running worker whose every connection to the database is cut while it copies results', () => {
  // Where even giving the job back met a cut connection, its lease has to run out first.
  it('connects again and goes on; no result is lost or counted twice', { timeout: 120_000 }, async () => {
    const texts = Array.from({ length: 60 }, (_, index) => `request ${index}`);
    const { id } = await makeBatch(services, scope, { texts });
    await service.work();
    const results = holdNext(emulator, 'content');
    const worker = await startWorker(services, service.app.databaseUrl);
    service.clock.advance({ seconds: 30 });
    await results.arrived;
    // Connects when it is first used: what was cut is not noticed at once by whoever holds it.
    const observer = anotherProcess(service);
    const outside = postgres(service.app.databaseUrl, { max: 1 });
    await outside`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`;
    await outside.end();
    results.release();
    const follower = services.hub.follow({ batchId: id });
    // Work that met a cut connection is due again after a pause.
    const turning = setInterval(() => service.clock.advance({ seconds: 1 }), 100);
    while ((await batchNow(observer.services, id)).completedAt === null) await follower.next();
    clearInterval(turning);
    follower.close();
    await worker.stop(5);
    expect(await batchNow(observer.services, id)).toMatchObject({
      status: 'COMPLETED',
      succeeded: 60,
      errored: 0,
    });
    await observer.db.close();
  });
});
