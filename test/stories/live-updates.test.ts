import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyFor } from '../support/documents.ts';
import { batchUpdatedDocument, expectToldExactly, type Told } from '../support/live.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { type Subscriber, transports } from '../support/subscribers.ts';
import { batchNow } from '../support/verbs.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

interface Made {
  readonly id: string;
  readonly uuid: string;
}

const create = async (): Promise<Made> =>
  (await mutate(service, 'createBatch', { provider: 'openai' }, { batch: 'id uuid' })).batch;
const add = ({ id }: Made, name: string, count: number) => {
  const list = Array.from({ length: count }, (_, at) => ({ body: bodyFor('openai', `${name} ${at}`) }));
  return mutate(service, 'addRequests', { batchId: id, requests: { list } });
};
const submit = ({ id }: Made) => mutate(service, 'submitBatch', { batchId: id });

/** Somebody who looks at a batch, and keeps what was told over all connections. */
function look({ id, uuid }: Made, name: keyof typeof transports) {
  const told: Told[] = [];
  const open = (): Subscriber =>
    transports[name]({
      url: service.url,
      query: batchUpdatedDocument,
      variables: { id, after: told.at(-1)?.seq ?? null },
    });
  let subscriber = open();
  const keep = () => told.push(...subscriber.messages.map(({ data }) => data.batchUpdated));
  return {
    told,
    /** Waits until everything that has happened so far was told. */
    async catchUp() {
      const { version } = await batchNow(service.app.services, uuid);
      await subscriber.waitFor(({ batchUpdated }) => batchUpdated.seq >= version);
    },
    async disconnect() {
      await subscriber.stop();
      keep();
    },
    reconnect() {
      subscriber = open();
    },
    async end() {
      await subscriber.done;
      keep();
      await subscriber.stop();
    },
  };
}

describe('Two people who watch a batch, one over WebSocket and one over SSE', () => {
  it('see it grow, run and end without a gap or a repeat, though both lose their connection on the way', async () => {
    const batch = await create();
    const watchers = [look(batch, 'WebSocket'), look(batch, 'SSE')];
    const all = (what: 'catchUp' | 'disconnect' | 'end') => Promise.all(watchers.map((one) => one[what]()));
    await all('catchUp');
    await add(batch, 'seen', 30);
    await all('catchUp');
    await all('disconnect');

    await add(batch, 'missed', 30);
    await submit(batch);
    await service.work();
    for (const watcher of watchers) watcher.reconnect();
    for (let step = 0; step < 4; step += 1) {
      await service.turn(3, 3);
      await all('catchUp');
    }
    await all('disconnect');
    await service.turn(3, 3);
    for (const watcher of watchers) watcher.reconnect();
    for (let step = 0; step < 8; step += 1) await service.turn(3, 3);
    await all('end');

    const { data } = await service.query(
      `query($id: ID!) { batch(id: $id) { status counts { total pending submitted succeeded errored expired cancelled } } }`,
      { id: batch.id },
    );
    expect(data.batch).toMatchObject({ status: 'COMPLETED', counts: { total: 60, succeeded: 60 } });
    for (const { told } of watchers) {
      await expectToldExactly(service, batch.uuid, told);
      expect(told.at(-1)).toMatchObject({ kind: 'BATCH_ENDED', batch: data.batch });
      expect(told.filter(({ kind }) => kind === 'SNAPSHOT')).toHaveLength(1);
      expect(told.filter(({ resync }) => resync)).toEqual([]);
      const counts = new Set(told.map(({ batch }) => JSON.stringify((batch as { counts?: unknown }).counts)));
      expect(counts.size).toBeGreaterThanOrEqual(5);
    }
  });

  it('miss nothing while the service loses its connection for notifications again and again', async () => {
    const batch = await create();
    const watchers = [look(batch, 'WebSocket'), look(batch, 'SSE')];
    await Promise.all(watchers.map(({ catchUp }) => catchUp()));
    for (let count = 0; count < 5; count += 1) {
      await endListening();
      await add(batch, `lost notification ${count}`, 1);
    }
    await Promise.all(watchers.map(({ catchUp }) => catchUp()));
    await submit(batch);
    await endListening();
    await service.turn(60);
    for (const { end, told } of watchers) {
      await end();
      await expectToldExactly(service, batch.uuid, told);
      expect(told.at(-1)?.batch?.status).toBe('COMPLETED');
    }
  });
});

/** Ends the connection that listens, where there is one just then. */
const endListening = () =>
  service.app.services.db.read((q) =>
    q.execute(sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query ilike 'listen%'`),
  );
