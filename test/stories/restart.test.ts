import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { bodyFor } from '../support/documents.ts';
import { holdNext } from '../support/held-call.ts';
import { expectInvariants } from '../support/invariants.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { subscribeByWebSocket } from '../support/subscribers.ts';

let database: TestDatabase;
let directory: string;
beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'batchql-restart-'));
});
afterAll(async () => {
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

/** A service on the database and the emulators' directory of the one before, its clock where that one's stood. */
async function startAgain(before: TestService | null): Promise<TestService> {
  const service = await startTestService({
    DATABASE_URL: database.url,
    DATA_DIR: directory,
    // What a process held when it went is free again after a second of the database's time.
    LEASE_SECONDS: '1',
  });
  if (before !== null) {
    const seconds = (before.clock.now().getTime() - service.clock.now().getTime()) / 1000;
    service.clock.advance({ seconds });
  }
  return service;
}

const live = `subscription($id: ID!, $after: Int) { batchUpdated(id: $id, after: $after) {
  seq fromSeq resync kinds batch { status } } }`;
const report = `query($id: ID!) { batch(id: $id) {
  status version counts { total succeeded } items(first: 20) { edges { node { customId status } } } } }`;

describe.each(['openai', 'anthropic'])(
  'A batch for %s whose service is restarted again and again',
  (provider) => {
    it('goes on where it was, is sent once, and its followers miss nothing', async () => {
      let service = await startAgain(null);
      const made = await mutate(service, 'createBatch', { provider, name: 'survivor' });
      const { id } = made.batch;
      const add = async (part: number) => {
        const list = [0, 1, 2, 3].map((index) => ({
          customId: `${part}-${index}`,
          body: bodyFor(provider, `question ${part}-${index}`),
        }));
        return mutate(
          service,
          'addRequests',
          { batchId: id, requests: { list } },
          { batch: 'counts { total }' },
        );
      };
      const restart = async () => {
        await service.close();
        service = await startAgain(service);
      };
      const batchesBefore = (await service.emulator(provider).batches()).length;

      await add(0);
      await restart();
      expect((await add(1)).batch.counts.total).toBe(8);
      await mutate(service, 'submitBatch', { batchId: id });
      await restart();
      // Submitted, and not sent: what was only in the queue is found.
      await service.work();
      const follower = subscribeByWebSocket({ url: service.url, query: live, variables: { id } });
      await service.turn(6, 3);
      await follower.waitFor(({ batchUpdated }) => batchUpdated.batch.status === 'IN_PROGRESS');
      const seen: { seq: number } = follower.messages.at(-1).data.batchUpdated;
      await restart();
      await follower.stop();

      // Gone in the middle of a poll: the job is free when its lease has run out, and is polled again.
      service.clock.advance({ seconds: 6 });
      const poll = holdNext(service.emulator(provider), 'retrieve');
      const working = service.work();
      await poll.arrived;
      await Promise.all([service.app.close(), working.catch(() => undefined)]);
      await restart();

      const resumed = subscribeByWebSocket({
        url: service.url,
        query: live,
        variables: { id, after: seen.seq },
      });
      let isOver = false;
      void resumed.done.finally(() => {
        isOver = true;
      });
      while (!isOver) await service.turn(15, 15);
      await resumed.done;
      const { batch } = (await service.query(report, { id })).data;
      expect(batch).toMatchObject({ status: 'COMPLETED', counts: { total: 8, succeeded: 8 } });
      expect(batch.items.edges.map(({ node }: { node: { customId: string } }) => node.customId)).toEqual(
        [0, 1].flatMap((part) => [0, 1, 2, 3].map((index) => `${part}-${index}`)),
      );
      const events: { seq: number; fromSeq: number; resync: boolean }[] = resumed.messages.map(
        ({ data }) => data.batchUpdated,
      );
      let next = seen.seq + 1;
      for (const event of events) {
        expect([event.fromSeq, event.resync]).toEqual([next, false]);
        next = event.seq + 1;
      }
      expect(next).toBe(batch.version + 1);
      expect((await service.emulator(provider).batches()).length - batchesBefore).toBe(1);
      await resumed.stop();
      await expectInvariants(service.app.services.db);
      await service.close();
    });
  },
);
