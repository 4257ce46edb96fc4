/** Bodies that were kept long enough are removed in pieces, whoever reads, dies or deletes meanwhile. */
import { get, type IncomingMessage } from 'node:http';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { deleteBatch } from '../../src/batches/delete.ts';
import { removeResults } from '../../src/batches/remove-results.ts';
import { retryBatch } from '../../src/batches/retry.ts';
import type { Database } from '../../src/db/client.ts';
import { itemRequests } from '../../src/db/queries/item-pages.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import { ResultsRemovedError } from '../../src/errors.ts';
import type { Services } from '../../src/services.ts';
import { keepHouse, sweep } from '../../src/worker/sweep.ts';
import { expectInvariants } from '../support/invariants.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { anotherProcess, batchNow, makeBatch } from '../support/verbs.ts';

const day = { hours: 24 };
const neverStops = new AbortController().signal;

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
beforeAll(async () => {
  service = await startTestService({ RESULT_RETENTION_DAYS: '1' });
  services = service.app.services;
  ({ scope, key } = await service.addOrganization('removing'));
});
afterEach(() => expectInvariants(services.db));
afterAll(() => service.close());

/** A batch that has ended with so many results. */
async function endedBatch(requests: number, padding = ''): Promise<string> {
  const texts = Array.from({ length: requests }, (_, n) => `${n}${padding}`);
  const { id } = await makeBatch(services, scope, { texts });
  await service.work();
  await service.turn(120, 30);
  expect((await batchNow(services, id)).status).toBe('COMPLETED');
  return id;
}

/** How many bodies of the batch are stored. */
async function storedOf(id: string): Promise<{ requests: number; responses: number }> {
  const { rows } = await services.db.read((q) =>
    q.execute<{ requests: number; responses: number }>(sql`
      select (select count(request)::int from items where batch_id = ${id}) as requests,
             (select count(response)::int from results where batch_id = ${id}) as responses`),
  );
  return rows[0] ?? { requests: -1, responses: -1 };
}

/** Of which batches a removal is in the queue. */
async function removalsQueued() {
  const { rows } = await services.db.read((q) =>
    q.execute(sql`
      select j.payload ->> 'id' as id from graphile_worker._private_jobs j
      join graphile_worker._private_tasks t on t.id = j.task_id where t.identifier = 'batch.remove-results'`),
  );
  return rows;
}

/** The services of a worker that dies once it has committed so many transactions. */
function dyingAfter(commits: number): { dying: Services; stop: AbortSignal } {
  const controller = new AbortController();
  let left = commits;
  const db: Database = {
    ...services.db,
    transaction: async (work) => {
      const answer = await services.db.transaction(work);
      left -= 1;
      if (left === 0) controller.abort();
      return answer;
    },
  };
  return { dying: { ...services, db }, stop: controller.signal };
}

it('A worker that dies between two pieces leaves what nobody reads any more, and the next one goes on there', async () => {
  const id = await endedBatch(4500);
  service.clock.advance(day);
  const { dying, stop } = dyingAfter(2);
  await removeResults(dying, id, stop);
  expect(await batchNow(services, id)).toMatchObject({ removalPosition: 2000, total: 4500, succeeded: 4500 });
  expect(await storedOf(id)).toEqual({ requests: 2500, responses: 2500 });
  const keys = [0, 1999, 2000, 4499].map((position) => ({ batchId: id, position }));
  const other = anotherProcess(service);
  expect(await other.db.read((q) => itemRequests(scope, q, keys))).toEqual([]);
  await other.db.close();
  await expectInvariants(services.db);
  await service.work();
  expect(await batchNow(services, id)).toMatchObject({ removalPosition: null, total: 4500, succeeded: 4500 });
  expect(await storedOf(id)).toEqual({ requests: 0, responses: 0 });
}, 60_000);

it('What has begun is brought to its end, also where the setting is taken away meanwhile', async () => {
  const id = await endedBatch(2100);
  service.clock.advance(day);
  const { dying, stop } = dyingAfter(2);
  await removeResults(dying, id, stop);
  const forGood = { ...services, settings: { ...services.settings, resultRetentionDays: null } };
  await services.db.read((q) => q.execute(sql`delete from graphile_worker._private_jobs`));
  await sweep(forGood);
  expect(await removalsQueued()).toEqual([]);
  await keepHouse(forGood);
  expect(await removalsQueued()).toEqual([{ id }]);
  await removeResults(forGood, id, neverStops);
  expect(await storedOf(id)).toEqual({ requests: 0, responses: 0 });
}, 60_000);

const deleteIt = (_services: Services, id: string) => deleteBatch(services, scope, id);
it.each([
  ['removed', 'long', 2000, 2500, removeResults],
  ['removed', 'short', 800, 7000, removeResults],
  ['deleted', 'long', 2000, 2500, deleteIt],
  ['deleted', 'short', 800, 7000, deleteIt],
])(
  'A download that is under way breaks off where its batch is %s, of %s bodies, so that nobody takes half of it for the whole',
  async (_what, _length, words, count, remove) => {
    // Several times what lies between Postgres and a reader that reads nothing: three pages, and what the system holds.
    const id = await endedBatch(count, ` ${'long '.repeat(words)}`);
    const url = `${service.url}/batches/${id}/input.jsonl`;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, { headers: { authorization: `Bearer ${key}` } }, resolve).on('error', reject);
    });
    expect(response.statusCode).toBe(200);
    service.clock.advance(day);
    await remove(services, id, neverStops);
    await expect(response.toArray()).rejects.toThrow('aborted');
  },
  60_000,
);

it('Two workers on one batch remove it once, and of a batch that is deleted meanwhile nothing is left', async () => {
  const [id, deleted] = [await endedBatch(4100), await endedBatch(2100)];
  service.clock.advance(day);
  const other = anotherProcess(service);
  await Promise.all([services, other.services].map((by) => removeResults(by, id, neverStops)));
  const { dying, stop } = dyingAfter(2);
  await removeResults(dying, deleted, stop);
  await deleteBatch(services, scope, deleted);
  await Promise.all([services, other.services].map((by) => removeResults(by, deleted, neverStops)));
  await other.db.close();
  await service.work();
  expect(await storedOf(id)).toEqual({ requests: 0, responses: 0 });
  const { rows } = await services.db.read((q) =>
    q.execute(sql`select count(*)::int as n from events where batch_id = ${id} and kind = 'RESULTS_REMOVED'`),
  );
  expect(rows).toEqual([{ n: 1 }]);
}, 60_000);

it('A retry and the removal of the same batch never both happen', async () => {
  const other = anotherProcess(service);
  for (let round = 0; round < 6; round += 1) {
    const { id } = await makeBatch(services, scope, { texts: ['fails emulate:errored', 'fine'] });
    await service.work();
    await service.turn(60, 20);
    service.clock.advance(day);
    const retry = () =>
      retryBatch(services, scope, id, {}).then(
        () => 'retried',
        (error: unknown) => error,
      );
    const remove = () => removeResults(other.services, id, neverStops).then(() => null);
    const outcomes = await Promise.all(
      (round % 2 === 0 ? [retry, remove] : [remove, retry]).map((act) => act()),
    );
    const [retried] = outcomes.filter((outcome) => outcome !== null);
    const { resultsRemovedAt } = await batchNow(services, id);
    if (resultsRemovedAt === null) expect(retried).toBe('retried');
    else expect(retried).toBeInstanceOf(ResultsRemovedError);
    await service.turn(60, 20);
  }
  await other.db.close();
}, 60_000);

it('Nothing is removed of a batch before its time, whoever asks', async () => {
  const id = await endedBatch(2);
  await removeResults(services, id, neverStops);
  expect(await batchNow(services, id)).toMatchObject({ resultsRemovedAt: null, removalPosition: null });
  expect(await storedOf(id)).toEqual({ requests: 2, responses: 2 });
  await removeResults(services, '01900000-0000-7000-8000-000000000000', neverStops);
  expect(
    await services.db.read((q) => itemRequests(workerScope, q, [{ batchId: id, position: 1 }])),
  ).toHaveLength(1);
});
