import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as verbs from '../../src/batches/verbs.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { FeedMark } from '../../src/events/feed-changes.ts';
import { followOrganization } from '../../src/events/follow-organization.ts';
import type { Services } from '../../src/services.ts';
import { keepHouse } from '../../src/worker/sweep.ts';
import { batchesUpdatedDocument, take } from '../support/live.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';
import { makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
beforeAll(async () => {
  service = await startTestService();
  ({ services } = service.app);
});
beforeEach(async () => {
  ({ key, scope } = await service.addOrganization('feed'));
});
afterAll(() => service.close());

const follow = (after: FeedMark | null) => followOrganization(services, scope, { after, filter: {} });
const openBatch = (provider = 'openai') =>
  makeBatch(services, scope, { provider, submit: { kind: 'MANUAL' } });
const rename = (id: string, name: string) => verbs.updateBatch(services, scope, id, { name });

/** A batch that was told, and the place after it. */
async function told() {
  const stream = await follow(null);
  const { id } = await openBatch();
  const [change] = await take(stream, 1);
  await stream.return();
  return { id, mark: change!.mark };
}

describe('A cursor of the feed', () => {
  it('that is as old as events are kept is answered by the newest state of every batch, afresh', async () => {
    const { id: changed, mark } = await told();
    const [quiet, deleted] = [await openBatch(), await openBatch()];
    await rename(changed, 'changed');
    await verbs.deleteBatch(services, scope, deleted.id);
    service.clock.advance({ hours: 24 * services.settings.eventRetentionDays });
    await keepHouse(services);

    const stream = await follow(mark);
    expect(await take(stream, 3)).toMatchObject([
      { batchId: changed, fromSeq: 1, seq: 3, kind: 'SNAPSHOT', resync: true, batch: { name: 'changed' } },
      { batchId: quiet.id, fromSeq: 1, seq: 2, kind: 'SNAPSHOT', resync: true, batch: { version: 2 } },
      { batchId: deleted.id, fromSeq: 1, seq: 3, kind: 'BATCH_DELETED', resync: true, batch: null },
    ]);
    await rename(changed, 'goes on');
    expect(await take(stream, 1)).toMatchObject([{ fromSeq: 4, seq: 4, resync: false }]);
    await stream.return();
  });

  it('of another database, where more had happened, is answered the same way', async () => {
    const { id } = await told();
    const stream = await follow({ mark: '9000000000000000000', at: service.clock.now() });
    expect(await take(stream, 1)).toMatchObject([{ batchId: id, kind: 'SNAPSHOT', resync: true }]);
    await stream.return();
  });

  it('given in the middle of such a fresh start leads to another, and after its end to what is new', async () => {
    const { id: first } = await told();
    const { id: second } = await openBatch();
    const foreign = { mark: '9000000000000000000', at: service.clock.now() };
    const cut = await follow(foreign);
    const [middle] = await take(cut, 1);
    await cut.return();
    const again = await follow(middle!.mark);
    const changes = await take(again, 2);
    await again.return();
    expect(changes).toMatchObject([
      { batchId: first, resync: true },
      { batchId: second, resync: true },
    ]);
    await rename(second, 'new');
    const resumed = await follow(changes[1]!.mark);
    const names: (string | null | undefined)[] = [];
    while (!names.includes('new')) {
      const [change] = await take(resumed, 1);
      expect(change!.resync).toBe(false);
      names.push(change!.batch?.name);
    }
    await resumed.return();
  });

  it('does not bring back, at every change, what a restored database brought along', async () => {
    const { id: restored } = await openBatch();
    await services.db.read((q) =>
      q.execute(sql`update events set xid = '8000000000000000000' where batch_id = ${restored}::uuid`),
    );
    const { id, mark } = await told();
    await rename(id, 'after');
    const stream = await follow(mark);
    for (const name of ['after', 'and more']) {
      for (let told: unknown; told !== name; ) {
        const [change] = await take(stream, 1);
        expect(change!.batchId).toBe(id);
        told = change!.batch?.name;
      }
      await rename(id, 'and more');
    }
    await stream.return();
    // What is asked for afresh includes it.
    const fresh = await follow({ mark: '9000000000000000000', at: service.clock.now() });
    expect((await take(fresh, 2)).map(({ batchId }) => batchId).sort()).toEqual([restored, id].sort());
    await fresh.return();
  });
});

describe.each(Object.entries(transports))('batchesUpdated over %s', (_name, subscribe) => {
  const open = (variables: Record<string, unknown> = {}) =>
    subscribe({ url: service.url, query: batchesUpdatedDocument, variables, key });
  const following = async (count: number) => {
    await expect.poll(() => services.hub.size).toBe(count);
  };
  const uuidsIn = (messages: { data: { batchesUpdated: { batch: { uuid: string } | null } } }[]) =>
    messages.map(({ data }) => data.batchesUpdated.batch?.uuid);

  it('tells the batches that the filter lets pass, and every deletion', async () => {
    const subscriber = open({ filter: { provider: ['anthropic'] } });
    await following(1);
    const other = await openBatch('openai');
    const wanted = await openBatch('anthropic');
    await subscriber.waitFor(({ batchesUpdated }) => batchesUpdated.batch?.uuid === wanted.id);
    await verbs.deleteBatch(services, scope, other.id);
    const { batchesUpdated } = await subscriber.waitFor((data) => data.batchesUpdated.batch === null);
    expect(batchesUpdated).toMatchObject({ kind: 'BATCH_DELETED', seq: 3 });
    expect(uuidsIn(subscriber.messages)).toEqual([wanted.id, undefined]);
    await subscriber.stop();
    await following(0);
  });

  it('goes on after the cursor of an event', async () => {
    const subscriber = open();
    await following(1);
    const { id } = await openBatch();
    const { batchesUpdated } = await subscriber.waitFor(() => true);
    await subscriber.stop();
    await rename(id, 'while away');
    const resumed = open({ after: batchesUpdated.cursor });
    const after = await resumed.waitFor((data) => data.batchesUpdated.batch?.name === 'while away');
    expect(after.batchesUpdated).toMatchObject({ seq: 3, resync: false, cursor: expect.any(String) });
    await resumed.stop();
    await following(0);
  });

  it("never tells another organization's changes, live or resumed", async () => {
    const other = await service.addOrganization('other');
    const subscriber = open();
    await following(1);
    const [ours, theirs] = [await openBatch(), await makeBatch(services, other.scope)];
    const { batchesUpdated } = await subscriber.waitFor(() => true);
    await verbs.cancelBatch(services, other.scope, theirs.id);
    await verbs.deleteBatch(services, other.scope, theirs.id);
    await rename(ours.id, 'the end');
    await subscriber.waitFor((data) => data.batchesUpdated.batch?.name === 'the end');
    expect(new Set(uuidsIn(subscriber.messages))).toEqual(new Set([ours.id]));

    const resumed = open({ after: batchesUpdated.cursor });
    await resumed.waitFor((data) => data.batchesUpdated.batch?.name === 'the end');
    expect(new Set(uuidsIn(resumed.messages))).toEqual(new Set([ours.id]));
    await Promise.all([subscriber.stop(), resumed.stop()]);
    await following(0);
  });
});
