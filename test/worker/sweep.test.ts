import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { changeHeldJob } from '../../src/batches/held-job.ts';
import { takeLease } from '../../src/db/queries/leases.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import type { Services } from '../../src/services.ts';
import { keepHouse, sweep } from '../../src/worker/sweep.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, jobNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService();
  services = service.app.services;
  ({ scope } = await service.addOrganization('swept'));
});
beforeEach(async () => {
  // What earlier tests left to do is done, and nothing of it is due for a while.
  await service.turn(60, 30);
});
afterEach(() => expectInvariants(services.db));
afterAll(() => service.close());

/** Removes every task, as if they all had been lost. */
const emptyQueue = () => services.db.read((q) => q.execute(sql`delete from graphile_worker._private_jobs`));

/** The tasks in the queue, `<name> <id of the row>`, sorted. */
async function queued(): Promise<string[]> {
  const { rows } = await services.db.read((q) =>
    q.execute<{ task: string }>(sql`
      select t.identifier || ' ' || (j.payload ->> 'id') as task
      from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id order by 1`),
  );
  return rows.map(({ task }) => task);
}

const timer = { kind: 'WHEN', requests: null, bytes: null, seconds: 60 } as const;

describe('A sweep', () => {
  it('wakes nothing where nothing is due', async () => {
    await makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
    await makeBatch(services, scope, { submit: timer });
    const done = await makeBatch(services, scope);
    await service.work();
    await service.turn(30, 10);
    expect((await batchNow(services, done.id)).status).toBe('COMPLETED');
    await emptyQueue();
    expect(await sweep(services)).toBe(0);
    expect(await queued()).toEqual([]);
  });

  it('wakes exactly what is due: each kind of work by its task, and each row once', async () => {
    const texts = ['emulate:stuck', 'two'];
    const polled = await makeBatch(services, scope, { texts });
    await service.work();
    const early = await makeBatch(services, scope, { submit: timer });
    service.clock.advance({ seconds: 59 });
    const late = await makeBatch(services, scope, { submit: timer });
    service.clock.advance({ seconds: 1 });
    const created = await makeBatch(services, scope);
    await emptyQueue();
    const jobOf = async (id: string) => (await jobNow(services, id)).id;
    const due = [
      `batch.close ${early.id}`,
      `job.poll ${await jobOf(polled.id)}`,
      `job.submit ${await jobOf(created.id)}`,
    ];
    expect(await sweep(services)).toBe(3);
    expect(await queued()).toEqual(due);
    expect(await sweep(services)).toBe(3);
    expect(await queued()).toEqual(due);
    expect((await batchNow(services, late.id)).status).toBe('ACCUMULATING');
  });

  it('leaves alone what somebody holds, and wakes it when the lease has run out', async () => {
    const { id } = await jobNow(services, (await makeBatch(services, scope)).id);
    await services.db.read((q) => takeLease(workerScope, q, id, { now: service.clock.now(), seconds: 30 }));
    await emptyQueue();
    expect(await sweep(services)).toBe(0);
    await services.db.read((q) =>
      q.execute(sql`update jobs set lease_until = clock_timestamp() - interval '1 second' where id = ${id}`),
    );
    expect(await sweep(services)).toBe(1);
    expect(await queued()).toEqual([`job.submit ${id}`]);
  });

  it('leaves alone a job that waits for a person', async () => {
    const { id } = await makeBatch(services, scope);
    const job = await services.db.read(async (q) =>
      takeLease(workerScope, q, (await jobNow(services, id)).id, { now: service.clock.now(), seconds: 30 }),
    );
    if (job === null) throw new Error('the lease is not to be had');
    const now = service.clock.now();
    const intent = { status: 'PENDING', intentAt: now, sendBefore: now } as const;
    await changeHeldJob(services, job, () => ({ event: 'JOB_SENDING', set: intent }));
    const waits = { status: 'UNKNOWN', dueAt: null, leaseUntil: null } as const;
    await changeHeldJob(services, job, () => ({
      event: 'JOB_UNKNOWN',
      set: { ...waits, evidence: { needsPerson: 'duplicates' } },
    }));
    await emptyQueue();
    service.clock.advance({ hours: 24 });
    await sweep(services);
    expect((await queued()).filter((task) => task.endsWith(job.id))).toEqual([]);
  });

  it('finds work whose task was lost, and what it wakes is done', async () => {
    const { id } = await makeBatch(services, scope);
    await emptyQueue();
    await service.work();
    expect((await jobNow(services, id)).providerJobId).not.toBeNull();
  });
});

describe('Housekeeping', () => {
  it('removes events that are older than their retention, and keeps the newest of each batch', async () => {
    const { id } = await makeBatch(services, scope);
    await service.work();
    const { version } = await batchNow(services, id);
    service.clock.advance({ hours: 24 * 31 });
    const young = await makeBatch(services, scope);
    await keepHouse(services);
    const { rows } = await services.db.read((q) =>
      q.execute(sql`
        select batch_id::text as id, array_agg(seq order by seq) as seqs from events
        where batch_id in (${id}, ${young.id}) group by batch_id`),
    );
    expect(Object.fromEntries(rows.map((row) => [row['id'], row['seqs']]))).toEqual({
      [id]: [version],
      [young.id]: [1, 2, 3],
    });
  });
});
