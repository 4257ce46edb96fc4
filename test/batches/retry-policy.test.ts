/** A batch with a policy tries failures that may pass again by itself, by the clock, and tells no end before its end. */

import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cancelBatch } from '../../src/batches/cancel.ts';
import { createBatch } from '../../src/batches/create.ts';
import { retryBatch } from '../../src/batches/retry.ts';
import { syncBatch } from '../../src/batches/sync.ts';
import { eventPages } from '../../src/db/queries/events.ts';
import { PositionSet } from '../../src/domain/positions.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import { openai } from '../../src/providers/openai/index.ts';
import type { Services } from '../../src/services.ts';
import { workOnce } from '../../src/worker/worker.ts';
import { makeBusy } from '../support/busy-provider.ts';
import { expectInvariants } from '../support/invariants.ts';
import { committedEvents } from '../support/live.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, callsOf, itemsNow, jobsNow, makeBatch, withProvider, workAt } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '4' });
  services = service.app.services;
  ({ scope } = await service.addOrganization('policies'));
});
afterEach(async () => {
  service.emulator('openai').faults.clear();
  await expectInvariants(services.db);
});
afterAll(() => service.close());

const retry = { attempts: 3, backoffSeconds: 60 };
const statusesOf = async (id: string) => (await itemsNow(services, id)).map(({ status }) => status);
const endsTold = async (id: string) =>
  (await committedEvents(service, id)).filter(({ kind }) => kind === 'BATCH_ENDED').length;
const created = () => callsOf(service.emulator('openai').calls, 'create');

/** A batch whose first attempt is over. */
async function afterFirst(texts: readonly string[]): Promise<string> {
  const { id } = await makeBatch(services, scope, { texts, retry });
  await service.work();
  await service.turn(20, 5);
  return id;
}

/** The newest job, which waits for its time. */
async function waitingJob(id: string) {
  const job = (await jobsNow(services, id)).at(-1);
  if (job?.status !== 'CREATED' || job.dueAt === null) throw new Error('no job waits');
  return { ...job, dueAt: job.dueAt };
}

describe('A policy', () => {
  it('tries transient failures again after its pause, and others never, until its attempts are used up', async () => {
    const id = await afterFirst([
      'fine',
      'bad emulate:errored',
      'busy emulate:overloaded',
      'late emulate:expired',
    ]);
    expect(await batchNow(services, id)).toMatchObject({
      status: 'IN_PROGRESS',
      completedAt: null,
      ...{ attempts: 2, pending: 2, succeeded: 1, errored: 1, expired: 0 },
    });
    for (const attempt of [2, 3]) {
      const job = await waitingJob(id);
      expect(job).toMatchObject({ attempt, positions: '{[2,4)}', submittedAt: null });
      const pause = 60 * 2 ** (attempt - 2);
      const waited = (job.dueAt.getTime() - job.createdAt.getTime()) / 1000;
      expect(Math.abs(waited - pause)).toBeLessThanOrEqual(pause / 10);
      const before = created();
      await workAt(service, new Date(job.dueAt.getTime() - 1));
      expect(created()).toBe(before);
      await workAt(service, job.dueAt);
      expect(created()).toBe(before + 1);
      expect(await endsTold(id)).toBe(0);
      await service.turn(20, 5);
    }
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', attempts: 3 });
    expect(await statusesOf(id)).toEqual(['SUCCEEDED', 'ERRORED', 'ERRORED', 'EXPIRED']);
    expect(await endsTold(id)).toBe(1);
    await service.turn(1200, 600);
    expect(await jobsNow(services, id)).toHaveLength(3);
  });

  it('ends the batch as soon as everything has its answer', async () => {
    const calmDown = makeBusy(service, [1]);
    const id = await afterFirst(['a', 'b', 'c']);
    calmDown();
    await workAt(service, (await waitingJob(id)).dueAt);
    await service.turn(20, 5);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', attempts: 2, succeeded: 3 });
    expect(
      (await committedEvents(service, id)).filter(({ kind }) => /BATCH_(?:ENDED|RETRIED)/.test(kind)),
    ).toMatchObject([{ kind: 'BATCH_RETRIED' }, { kind: 'BATCH_ENDED' }]);
  });

  it('does nothing for a batch that a caller cancels, in its pause as little as at work', async () => {
    const paused = await afterFirst(['fine', 'busy emulate:overloaded']);
    await waitingJob(paused);
    const before = created();
    expect(await cancelBatch(services, scope, paused)).toMatchObject({
      status: 'COMPLETED',
      cancelled: 1,
      errored: 0,
    });
    const { id: running } = await makeBatch(services, scope, {
      texts: ['a emulate:overloaded', 'b emulate:overloaded', 'c emulate:overloaded emulate:stuck'],
      retry,
    });
    await service.work();
    await service.turn(5, 5);
    await cancelBatch(services, scope, running);
    await service.turn(1200, 300);
    expect(await batchNow(services, running)).toMatchObject({ attempts: 1, errored: 1 });
    expect(created()).toBe(before + 1);
    expect((await jobsNow(services, paused)).map(({ status }) => status)).toEqual(['COMPLETED', 'CANCELLED']);
  });

  it('has nothing to ask its provider about in its pause: a sync answers at once', async () => {
    const id = await afterFirst(['fine', 'busy emulate:overloaded']);
    await waitingJob(id);
    const before = service.emulator('openai').calls.length;
    expect(await syncBatch(services, scope, id)).toMatchObject({ settled: true, batch: { pending: 1 } });
    expect(service.emulator('openai').calls.length).toBe(before);
    await cancelBatch(services, scope, id);
  });

  it('counts a retry by hand as one of its attempts', async () => {
    const id = await afterFirst(['bad emulate:errored', 'busy emulate:overloaded']);
    await retryBatch(services, scope, id, { filter: { status: ['ERRORED'] } });
    expect(await batchNow(services, id)).toMatchObject({ attempts: 3, pending: 2 });
    await service.work();
    await workAt(service, new Date(service.clock.now().getTime() + 70_000));
    await service.turn(20, 5);
    expect(await batchNow(services, id)).toMatchObject({ status: 'FAILED', attempts: 3, errored: 2 });
  });

  it("leaves out what is too little for the provider's smallest job, and says of how much", async () => {
    const limits = { ...openai.limits, requestsMin: 2 };
    const strict = withProvider(service, { ...openai, unmixable: ['model'], limits });
    const body = (model: string, text: string) => ({ model, messages: [{ role: 'user', content: text }] });
    const busy = 'emulate:overloaded';
    const texts = { part: [busy, busy, 'fine', busy], all: ['fine', busy, busy, 'fine'] };
    const ids: string[] = [];
    for (const [first, second, third, fourth] of Object.values(texts)) {
      const bodies = [
        body('a', `${first}`),
        body('a', `${second}`),
        body('b', `${third}`),
        body('b', `${fourth}`),
      ];
      const { batch } = await createBatch(strict, scope, {
        provider: 'openai',
        submit: { kind: 'NOW' },
        retry: { attempts: 2, backoffSeconds: 1 },
        requests: { kind: 'list', requests: bodies.map((each) => ({ body: each })) },
      });
      ids.push(batch.id);
    }
    for (let step = 0; step < 6; step += 1) {
      await workOnce(strict, service.app.databaseUrl);
      service.clock.advance({ seconds: 4 });
    }
    const told = await Promise.all(ids.map((id) => courseOf(id)));
    expect(told).toMatchObject([
      [
        { kind: 'BATCH_RETRIED', data: { attempt: 2, requests: 2, belowMinimum: 1 } },
        { kind: 'BATCH_ENDED', data: { status: 'COMPLETED' } },
      ],
      [{ kind: 'BATCH_ENDED', data: { status: 'COMPLETED', belowMinimum: 2 } }],
    ]);
    expect((await jobsNow(services, ids[0] ?? '')).at(-1)).toMatchObject({
      attempt: 2,
      positions: '{[0,2)}',
    });
  });

  it('tries a job again that failed as a whole for something that may pass, and no other', async () => {
    const { id } = await makeBatch(services, scope, { retry });
    await service.work();
    failingWith('token_limit_exceeded');
    await service.turn(5, 5);
    expect(await waitingJob(id)).toMatchObject({ attempt: 2, positions: '{[0,2)}' });
    failingWith('model_not_found');
    await workAt(service, (await waitingJob(id)).dueAt);
    await service.turn(5, 5);
    expect(await batchNow(services, id)).toMatchObject({
      status: 'FAILED',
      attempts: 2,
      errorCode: 'model_not_found',
    });
  });

  it('keeps what a job had done when its window ended, and tries the rest again', async () => {
    const id = await afterFirst([
      'emulate:job-expired',
      ...Array.from({ length: 5 }, (_, at) => `question ${at}`),
    ]);
    const first = await itemsNow(services, id);
    const done = first.filter(({ status }) => status === 'SUCCEEDED').map(({ position }) => position);
    expect(done).toHaveLength(3);
    const rest = PositionSet.fromSorted([0, 1, 2, 3, 4, 5].filter((position) => !done.includes(position)));
    expect(await waitingJob(id)).toMatchObject({
      attempt: 2,
      positions: rest.toMultirange(),
      requestCount: 3,
    });
    for (let attempt = 2; attempt <= 3; attempt += 1) {
      const job = (await jobsNow(services, id)).at(-1);
      if (job?.status === 'CREATED') await workAt(service, job.dueAt);
      await service.turn(20, 5);
    }
    const last = await itemsNow(services, id);
    for (const position of done) expect(last[position]).toEqual(first[position]);
    const succeeded = last.filter(({ status }) => status === 'SUCCEEDED').length;
    expect(succeeded).toBeGreaterThan(3);
    expect(await batchNow(services, id)).toMatchObject({
      status: 'COMPLETED',
      succeeded,
      expired: 6 - succeeded,
    });
  });

  it('begins an attempt once, also where the process dies as it does', async () => {
    const { id } = await makeBatch(services, scope, { texts: ['fine', 'emulate:overloaded'], retry });
    await service.work();
    const { db } = services;
    let deaths = 0;
    const dying: Services = {
      ...services,
      db: {
        ...db,
        transaction: (write) =>
          db.transaction(async (tx) => {
            const written = await write(tx);
            const { rows } = await tx.execute(
              sql`select 1 from jobs where batch_id = ${id}::uuid and attempt = 2`,
            );
            if (rows.length === 0) return written;
            deaths += 1;
            throw new Error('the process dies');
          }),
      },
    };
    for (let step = 0; step < 4; step += 1) {
      service.clock.advance({ seconds: 5 });
      await workOnce(dying, service.app.databaseUrl);
    }
    expect(deaths).toBeGreaterThan(0);
    expect(await batchNow(services, id)).toMatchObject({ attempts: 1, succeeded: 1, submitted: 1 });
    await expectInvariants(db);
    await service.turn(900, 150);
    expect((await jobsNow(services, id)).map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(await batchNow(services, id)).toMatchObject({ status: 'COMPLETED', succeeded: 1, errored: 1 });
  });
});

/** Lets the next poll hear that the provider failed the batch with this code. */
function failingWith(code: string): void {
  const data = [{ code, message: 'As asked.', param: null, line: null }];
  const failed = {
    status: 'failed',
    errors: { object: 'list', data },
    request_counts: { total: 0, completed: 0, failed: 0 },
  };
  const rewrite = (text: string): string => JSON.stringify({ ...JSON.parse(text), ...failed });
  const { faults } = service.emulator('openai');
  faults.clear();
  faults.add({
    operation: 'retrieve',
    times: Number.POSITIVE_INFINITY,
    effect: { kind: 'rewrite', rewrite },
  });
}

/** What was told of the batch's attempts and of its end. */
async function courseOf(id: string) {
  const page = { limit: 100, order: 'ascending', beyond: null } as const;
  const events = await services.db.read((q) => eventPages(workerScope, q, [id], page));
  return events.filter(({ kind }) => kind === 'BATCH_RETRIED' || kind === 'BATCH_ENDED');
}
