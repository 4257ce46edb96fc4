/** Every invariant is broken by SQL, and the check sees it: the rows, and nothing else, are what it believes. */
import { type SQL, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { invariants } from '../../src/batches/check.ts';
import { deleteBatch } from '../../src/batches/delete.ts';
import { retryBatch } from '../../src/batches/retry.ts';
import type { Finding } from '../../src/db/queries/check.ts';
import { newestDeliveries } from '../../src/db/queries/deliveries.ts';
import { workerScope } from '../../src/domain/scope.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, jobNow, jobsNow, makeBatch } from '../support/verbs.ts';

/**
 * Ids of an open batch, one whose job waits to be sent, one that runs, one that ended, and one that ended and of which
 * a request is tried again; of their jobs; and of the delivery that tells a receiver which does not answer of an end.
 */
type Scene = Record<'open' | 'waiting' | 'running' | 'ended' | 'retried', string> &
  Record<'waitingJob' | 'runningJob' | 'endedJob' | 'retriedJob' | 'delivery', string>;

let service: TestService;
let scene: Scene;
beforeAll(async () => {
  service = await startTestService({ SANDBOX_SECONDS: '2', CALLBACK_ALLOW: '127.0.0.1' });
  const { services } = service.app;
  const { scope } = await service.addOrganization('checked');
  const texts = ['fine', 'bad emulate:errored'];
  const callbackUrl = 'http://127.0.0.1:1/nobody';
  const { id: ended } = await makeBatch(services, scope, { texts, callbackUrl });
  const { id: retried } = await makeBatch(services, scope, { texts });
  await service.work();
  await service.turn(15);
  expect((await batchNow(services, ended)).status).toBe('COMPLETED');
  const { id: running } = await makeBatch(services, scope, { texts: ['slow emulate:stuck', 'slower'] });
  await service.work();
  const { id: waiting } = await makeBatch(services, scope);
  const { id: open } = await makeBatch(services, scope, {
    submit: { kind: 'MANUAL' },
    idempotencyKey: 'kept',
  });
  const { id: gone } = await makeBatch(services, scope, { texts: [], idempotencyKey: 'deleted' });
  await deleteBatch(services, scope, gone);
  await retryBatch(services, scope, retried, {});
  const jobOf = async (id: string) => (await jobNow(services, id)).id;
  const [delivery] = await services.db.read((q) => newestDeliveries(workerScope, q, [ended]));
  expect(delivery).toMatchObject({ status: 'PENDING', attempts: 2 });
  scene = {
    ...{ open, waiting, running, ended, retried },
    waitingJob: await jobOf(waiting),
    runningJob: await jobOf(running),
    endedJob: await jobOf(ended),
    retriedJob: (await jobsNow(services, retried)).at(-1)?.id ?? '',
    delivery: delivery!.id,
  };
});
afterAll(() => service.close());

/** What an invariant's statement finds after `damage`, which is undone then. */
async function findAfter(name: string, damage: SQL): Promise<Finding | undefined> {
  const undo = new Error('undo');
  const invariant = invariants.find((candidate) => candidate.name === name);
  let finding: Finding | undefined;
  const trying = service.app.services.db.transaction(async (tx) => {
    // Where the database itself would refuse the damage, its guard is taken away first.
    await tx.execute(sql`alter table batches drop constraint batches_counts_sum_to_total`);
    await tx.execute(sql`alter table jobs drop constraint jobs_batch_id_batches_id_fk`);
    await tx.execute(damage);
    finding = await invariant?.find(workerScope, tx);
    throw undo;
  });
  await expect(trying).rejects.toBe(undo);
  return finding;
}

/** Adds a job that copies another, with columns of its own. */
const copyJob = (id: string, own: Record<'number' | 'attempt' | 'positions', string>): SQL =>
  sql.raw(
    `insert into jobs select (jsonb_populate_record(j, '${JSON.stringify({
      ...own,
      id: id.replace(/^........./, '00000000-'),
      nonce: 'another',
    })}')).* from jobs j where id = '${id}'`,
  );

/** One way to break an invariant: what is done, and the row that the check has to name. */
interface Damage {
  readonly done: (scene: Scene) => SQL;
  readonly row: (scene: Scene) => string;
}

const damages: Record<string, Record<string, Damage>> = {
  totals: {
    'a request is lost': {
      done: ({ open }) => sql`delete from items where batch_id = ${open} and position = 1`,
      row: ({ open }) => open,
    },
    'a length is wrong': {
      done: ({ running }) => sql`update batches set bytes = bytes + 1 where id = ${running}`,
      row: ({ running }) => running,
    },
    'a body is gone that was to be kept': {
      done: ({ ended }) => sql`update items set request = null where batch_id = ${ended} and position = 0`,
      row: ({ ended }) => ended,
    },
    'a request is longer than it says': {
      done: ({ open }) =>
        sql`update items set request = request || ' ' where batch_id = ${open} and position = 0`,
      row: ({ open }) => open,
    },
  },
  counts: {
    'two counts are wrong and their sum is right': {
      done: ({ ended }) => sql`update batches set succeeded = 2, errored = 0 where id = ${ended}`,
      row: ({ ended }) => ended,
    },
    'the sum is wrong': {
      done: ({ open }) => sql`update batches set pending = pending + 1 where id = ${open}`,
      row: ({ open }) => open,
    },
    'a job moves on and its requests are not counted with it': {
      done: ({ waiting }) => sql`update jobs set status = 'PENDING' where batch_id = ${waiting}`,
      row: ({ waiting }) => waiting,
    },
    'a result says something else': {
      done: ({ ended }) =>
        sql`update results set status = 'EXPIRED' where batch_id = ${ended} and position = 1`,
      row: ({ ended }) => ended,
    },
    'a request that is tried again still counts as failed': {
      done: ({ retried }) => sql`update batches set errored = 1, pending = 0 where id = ${retried}`,
      row: ({ retried }) => retried,
    },
  },
  usage: {
    'a result has one token less': {
      done: ({ ended }) =>
        sql`update results set output_tokens = output_tokens - 1 where batch_id = ${ended} and position = 0`,
      row: ({ ended }) => ended,
    },
    'the unknown is written as zero': {
      done: ({ running }) => sql`update batches set cache_write_input_tokens = 0 where id = ${running}`,
      row: ({ running }) => running,
    },
  },
  ends: {
    'a batch without all results is complete': {
      done: ({ running }) => sql`update batches set status = 'COMPLETED' where id = ${running}`,
      row: ({ running }) => running,
    },
    'a batch with all results is at work': {
      done: ({ ended }) => sql`update batches set status = 'IN_PROGRESS' where id = ${ended}`,
      row: ({ ended }) => ended,
    },
    'a batch of which a request is tried again is complete': {
      done: ({ retried }) => sql`update batches set status = 'COMPLETED' where id = ${retried}`,
      row: ({ retried }) => retried,
    },
    'an open batch is submitted': {
      done: ({ open }) => sql`update batches set status = 'SUBMITTED' where id = ${open}`,
      row: ({ open }) => open,
    },
  },
  events: {
    'one in the middle is gone': {
      done: ({ ended }) => sql`delete from events where batch_id = ${ended} and seq = 3`,
      row: ({ ended }) => ended,
    },
    'the newest is gone': {
      done: ({ running }) =>
        sql`delete from events where batch_id = ${running} and seq = (select version from batches where id = ${running})`,
      row: ({ running }) => running,
    },
  },
  jobs: {
    'a request of a closed batch is in no job': {
      done: ({ runningJob }) =>
        sql`update jobs set positions = '{[0,1)}', request_count = 1 where id = ${runningJob}`,
      row: ({ running }) => running,
    },
    'two jobs of an attempt share a request': {
      done: ({ runningJob }) => copyJob(runningJob, { number: '2', attempt: '1', positions: '{[1,2)}' }),
      row: ({ running }) => running,
    },
    'a job counts more than it holds': {
      done: ({ endedJob }) => sql`update jobs set request_count = 3 where id = ${endedJob}`,
      row: ({ ended }) => ended,
    },
    'a closed batch has none': {
      done: ({ waitingJob }) => sql`delete from jobs where id = ${waitingJob}`,
      row: ({ waiting }) => waiting,
    },
  },
  submissions: {
    'a running job does not name its provider batch': {
      done: ({ runningJob }) =>
        sql`update jobs set provider_job_id = null, status = 'RUNNING' where id = ${runningJob}`,
      row: ({ runningJob }) => runningJob,
    },
    'a job with a provider batch is about to be sent': {
      done: ({ runningJob }) => sql`update jobs set status = 'CREATED' where id = ${runningJob}`,
      row: ({ runningJob }) => runningJob,
    },
    'a job was sent without an intent': {
      done: ({ waitingJob }) => sql`update jobs set status = 'PENDING' where id = ${waitingJob}`,
      row: ({ waitingJob }) => waitingJob,
    },
    'a job that was made elsewhere names no provider batch': {
      done: ({ waitingJob }) => sql`update jobs set item_keys = 'CALLERS' where id = ${waitingJob}`,
      row: ({ waitingJob }) => waitingJob,
    },
    'a job that was made elsewhere was about to be sent': {
      done: ({ runningJob }) => sql`update jobs set item_keys = 'CALLERS' where id = ${runningJob}`,
      row: ({ runningJob }) => runningJob,
    },
    'a job keeps for good what only a person has named, and another has it': {
      done: ({ endedJob }) =>
        sql`${copyJob(endedJob, { number: '2', attempt: '2', positions: '{[0,2)}' })};
          update jobs set evidence = '{"proof": "PERSON"}' where number = 2 and attempt = 2`,
      row: ({ endedJob }) => endedJob,
    },
    'two jobs name one provider batch': {
      done: ({ endedJob }) => copyJob(endedJob, { number: '2', attempt: '2', positions: '{[0,2)}' }),
      row: ({ endedJob }) => endedJob,
    },
  },
  due: {
    'a job with work left is due at no time': {
      done: ({ runningJob }) => sql`update jobs set due_at = null where id = ${runningJob}`,
      row: ({ runningJob }) => runningJob,
    },
    'a job without work is due': {
      done: ({ endedJob }) => sql`update jobs set due_at = now() where id = ${endedJob}`,
      row: ({ endedJob }) => endedJob,
    },
  },
  results: {
    'one is of no request': {
      done: ({ ended }) => sql`update results set position = 7 where batch_id = ${ended} and position = 1`,
      row: ({ ended }) => `${ended}:7`,
    },
    'one is of a job that does not hold the request': {
      done: ({ endedJob }) => sql`update jobs set positions = '{[0,1)}' where id = ${endedJob}`,
      row: ({ ended }) => `${ended}:1`,
    },
  },
  leftovers: {
    'a batch is gone and its rows are not': {
      done: ({ ended }) => sql`delete from batches where id = ${ended}`,
      row: ({ ended }) => ended,
    },
  },
  calls: {
    'the batch that one made is gone': {
      done: ({ open }) => sql`delete from batches where id = ${open}`,
      row: ({ open }) => open,
    },
    'one is of another organization than its batch': {
      done: ({ open }) =>
        sql`update idempotency set organization_id = gen_random_uuid() where batch_id = ${open}`,
      row: ({ open }) => open,
    },
  },
  statuses: {
    'a batch with a job at work is only submitted': {
      done: ({ running }) => sql`update batches set status = 'SUBMITTED' where id = ${running}`,
      row: ({ running }) => running,
    },
    'a job moves and its batch does not': {
      done: ({ runningJob }) => sql`update jobs set finalizing = true where id = ${runningJob}`,
      row: ({ running }) => running,
    },
    'an ended batch has another end': {
      done: ({ ended }) => sql`update batches set status = 'FAILED' where id = ${ended}`,
      row: ({ ended }) => ended,
    },
  },
  told: {
    'the newest event gives another status': {
      done: ({ running }) =>
        sql`update events set data = '{"status":"SUBMITTED"}' where batch_id = ${running}`,
      row: ({ running }) => running,
    },
    'the end is not told as one': {
      done: ({ ended }) => sql`update events set kind = 'JOB_POLLED' where batch_id = ${ended}`,
      row: ({ ended }) => ended,
    },
    'a batch at work was told to have ended': {
      done: ({ running }) => sql`update events set kind = 'BATCH_ENDED' where batch_id = ${running}`,
      row: ({ running }) => running,
    },
  },
  tenants: {
    'a job is of somebody else': {
      done: ({ endedJob }) => sql`update jobs set organization_id = gen_random_uuid() where id = ${endedJob}`,
      row: ({ ended }) => ended,
    },
    'an event is of somebody else': {
      done: ({ open }) => sql`update events set organization_id = gen_random_uuid() where batch_id = ${open}`,
      row: ({ open }) => open,
    },
  },
  collected: {
    'a job is taken for collected before its time': {
      done: ({ runningJob }) => sql`update jobs set collected = true where id = ${runningJob}`,
      row: ({ runningJob }) => runningJob,
    },
    'a result of a collected job is gone': {
      done: ({ ended }) => sql`delete from results where batch_id = ${ended} and position = 0`,
      row: ({ endedJob }) => endedJob,
    },
  },
  evidence: {
    'nothing is told of an unknown fate': {
      done: ({ runningJob }) =>
        sql`update jobs set status = 'UNKNOWN', provider_job_id = null, evidence = null where id = ${runningJob}`,
      row: ({ runningJob }) => runningJob,
    },
    'it is not written until when it may have been sent': {
      done: ({ runningJob }) =>
        sql`update jobs set status = 'UNKNOWN', evidence = '{"lostAnswer":"x"}', send_before = null where id = ${runningJob}`,
      row: ({ runningJob }) => runningJob,
    },
  },
  leases: {
    'a job is held under no number': {
      done: ({ waitingJob }) =>
        sql`update jobs set lease_until = now(), lease_epoch = 0 where id = ${waitingJob}`,
      row: ({ waitingJob }) => waitingJob,
    },
    'a sync is served that nobody asked for': {
      done: ({ endedJob }) => sql`update jobs set sync_served = sync_begun + 1 where id = ${endedJob}`,
      row: ({ endedJob }) => endedJob,
    },
  },
  strays: {
    'one is of a job of another batch': {
      done: ({
        ended,
        runningJob,
      }) => sql`insert into strays (job_id, batch_id, digest, seq, line, reason, at)
        values (${runningJob}, ${ended}, 'digest', 1, '{}', 'reason', now())`,
      row: ({ runningJob }) => runningJob,
    },
  },
  retries: {
    'what has an answer is tried again': {
      done: ({ retriedJob }) =>
        sql`update jobs set positions = '{[0,2)}', request_count = 2 where id = ${retriedJob}`,
      row: ({ retried }) => retried,
    },
    'what is under way is tried again': {
      done: ({ retried }) => sql`delete from results where batch_id = ${retried} and position = 1`,
      row: ({ retried }) => retried,
    },
    'an attempt is not counted': {
      done: ({ retried }) => sql`update batches set attempts = 1 where id = ${retried}`,
      row: ({ retried }) => retried,
    },
  },
  callbacks: {
    'an end was not told': {
      done: ({ delivery }) => sql`delete from deliveries where id = ${delivery}`,
      row: ({ ended }) => ended,
    },
    'an older end was told': {
      done: ({ delivery }) => sql`update deliveries set seq = 1 where id = ${delivery}`,
      row: ({ ended }) => ended,
    },
  },
  deliveries: {
    'one that is pending is due at no time': {
      done: ({ delivery }) => sql`update deliveries set due_at = null where id = ${delivery}`,
      row: ({ delivery }) => delivery,
    },
    'one that was told is due': {
      done: ({ delivery }) => sql`update deliveries set status = 'DELIVERED' where id = ${delivery}`,
      row: ({ delivery }) => delivery,
    },
    'one tells of something that is no end': {
      done: ({ delivery }) => sql`update deliveries set seq = 2 where id = ${delivery}`,
      row: ({ delivery }) => delivery,
    },
    'its batch is gone': {
      done: ({ ended }) => sql`delete from batches where id = ${ended}`,
      row: ({ delivery }) => delivery,
    },
  },
  attempts: {
    'one was made and not counted': {
      done: ({ delivery }) => sql`update deliveries set attempts = 1 where id = ${delivery}`,
      row: ({ delivery }) => delivery,
    },
    'the numbers have a gap': {
      done: ({ delivery }) =>
        sql`update delivery_attempts set number = 3 where delivery_id = ${delivery} and number = 2`,
      row: ({ delivery }) => delivery,
    },
    'their delivery is gone': {
      done: ({ delivery }) => sql`delete from deliveries where id = ${delivery}`,
      row: ({ delivery }) => delivery,
    },
  },
  cost: {
    'a result cost a billionth more': {
      done: ({ ended }) =>
        sql`update results set cost = cost + 0.000000001 where batch_id = ${ended} and position = 0`,
      row: ({ ended }) => ended,
    },
    'a result saved nothing': {
      done: ({ ended }) => sql`update results set saved = 0 where batch_id = ${ended} and position = 0`,
      row: ({ ended }) => ended,
    },
    'the unknown is written as zero': {
      done: ({ running }) => sql`update batches set cost = 0 where id = ${running}`,
      row: ({ running }) => running,
    },
    'an answer without a cost is counted as one with it': {
      done: ({ ended }) => sql`update results set cost = null where batch_id = ${ended} and position = 0`,
      row: ({ ended }) => ended,
    },
  },
  spend: {
    'a result is of another day': {
      done: ({ ended }) =>
        sql`update results set finished_at = '2001-02-03T00:00:00Z' where batch_id = ${ended} and position = 0`,
      row: ({ ended }) => `${ended}:2001-02-03`,
    },
    'a day is missing': {
      done: ({ ended }) => sql`update spend set day = '2001-02-03' where batch_id = ${ended}`,
      row: ({ ended }) => `${ended}:2001-02-03`,
    },
    'another organization pays': {
      done: ({ ended }) =>
        sql`update spend set organization_id = gen_random_uuid(), day = '2001-02-03' where batch_id = ${ended}`,
      row: ({ ended }) => `${ended}:2001-02-03`,
    },
  },
  credentials: {
    'a batch is pinned to what is nobody’s': {
      done: ({ open }) => sql`update batches set credential_id = gen_random_uuid() where id = ${open}`,
      row: ({ open }) => open,
    },
    'a job is pinned to another credential than its batch': {
      done: ({ endedJob }) => sql`update jobs set credential_id = gen_random_uuid() where id = ${endedJob}`,
      row: ({ ended }) => ended,
    },
  },
  reserved: {
    'a batch that is under way holds more than it may cost': {
      done: ({ running }) =>
        sql`update batches set estimated_cost_high = 1, reserved = 2 where id = ${running}`,
      row: ({ running }) => running,
    },
    'one holds nothing although it may cost something': {
      done: ({ running }) => sql`update batches set estimated_cost_high = 1 where id = ${running}`,
      row: ({ running }) => running,
    },
    'the unknown is written as zero': {
      done: ({ running }) =>
        sql`update batches set estimated_cost_high = null, reserved = 0 where id = ${running}`,
      row: ({ running }) => running,
    },
    'one that has ended still holds something': {
      done: ({ ended }) => sql`update batches set reserved = 0 where id = ${ended}`,
      row: ({ ended }) => ended,
    },
    'one holds less than nothing': {
      done: ({ retried }) => sql`update batches set reserved = -1 where id = ${retried}`,
      row: ({ retried }) => retried,
    },
  },
  uploads: {
    'a request lies beyond the total and no file is on its way': {
      done: ({ open }) => sql`insert into items
        select batch_id, 7, 'beyond', endpoint, model, agent_id, bytes, request, created_at
        from items where batch_id = ${open} limit 1`,
      row: ({ open }) => open,
    },
    'a file is on its way to another place than the total': {
      done: ({ open }) => sql`insert into uploads
        (id, organization_id, batch_id, created_by, secret_hash, dry_run, submits, status, first_position, created_at, expires_at)
        select id, organization_id, id, id, '', false, false, 'RECEIVING', 7, now(), now() from batches where id = ${open}`,
      row: ({ open }) => open,
    },
  },
  removed: {
    'bodies are left of a batch of which they were removed': {
      done: ({ ended }) => sql`update batches set results_removed_at = now() where id = ${ended}`,
      row: ({ ended }) => ended,
    },
    'a body is left behind a removal that has come further': {
      done: ({ ended }) =>
        sql`update batches set results_removed_at = now(), removal_position = 1 where id = ${ended}`,
      row: ({ ended }) => ended,
    },
    'a removal is under way that was never told': {
      done: ({ ended }) => sql`update batches set removal_position = 0 where id = ${ended}`,
      row: ({ ended }) => ended,
    },
  },
};

describe('The check', () => {
  it('finds nothing in a database that only the service has written', async () => {
    await expectInvariants(service.app.services.db);
  });

  it('has a way to be broken for every invariant', () => {
    expect(Object.keys(damages)).toEqual(invariants.map(({ name }) => name));
  });
});

describe.each(Object.entries(damages))('The invariant "%s"', (name, ways) => {
  it.each(Object.entries(ways))('is seen to be broken when %s, at the right row', async (_when, way) => {
    const finding = await findAfter(name, way.done(scene));
    expect(finding?.violations.map(({ id }) => id)).toContain(way.row(scene));
    expect(finding?.broken).toBeGreaterThan(0);
    expect(finding?.checked).toBeGreaterThanOrEqual(finding?.broken ?? 0);
  });
});
