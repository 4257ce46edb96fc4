import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bodyFor } from '../support/documents.ts';
import { batchesUpdatedDocument, batchUpdatedDocument, expectToldExactly } from '../support/live.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeBySse, subscribeByWebSocket } from '../support/subscribers.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ EVENTS: 'poll' });
});
afterAll(() => service.close());

it('a service that looks each second instead of listening is ready, and tells every batch and its feed to the end', async () => {
  const ready = await fetch(`${service.url}/readyz`);
  expect({ status: ready.status, body: await ready.json() }).toMatchObject({
    status: 200,
    body: { checks: { events: true } },
  });
  const feed = subscribeBySse({ url: service.url, query: batchesUpdatedDocument });
  await expect.poll(() => service.app.services.hub.size).toBe(1);

  const list = [{ body: bodyFor('openai', 'one') }, { body: bodyFor('openai', 'two') }];
  const { batch } = await mutate(
    service,
    'createBatch',
    { provider: 'openai', requests: { list }, submit: 'NOW' },
    { batch: 'id uuid' },
  );
  const subscriber = subscribeByWebSocket({
    url: service.url,
    query: batchUpdatedDocument,
    variables: { id: batch.id },
  });
  await subscriber.waitFor(({ batchUpdated }) => batchUpdated.kind === 'SNAPSHOT');
  await service.work();
  await subscriber.waitFor(({ batchUpdated }) => batchUpdated.kinds.includes('JOB_SUBMITTED'));
  await service.turn(60);
  await subscriber.done;
  await expectToldExactly(
    service,
    batch.uuid,
    subscriber.messages.map(({ data }) => data.batchUpdated),
  );
  const ended = await feed.waitFor(({ batchesUpdated }) => batchesUpdated.batch?.status === 'COMPLETED');
  expect(ended.batchesUpdated.batch.uuid).toBe(batch.uuid);

  const { rows } = await service.app.services.db.read((q) =>
    q.execute(
      sql`select 1 from pg_stat_activity where datname = current_database() and query ilike 'listen%batchql%'`,
    ),
  );
  expect(rows).toEqual([]);
  expect(service.statements.filter((statement) => statement.includes('pg_notify'))).toEqual([]);
  await Promise.all([subscriber.stop(), feed.stop()]);
});
