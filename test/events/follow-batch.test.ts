import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as verbs from '../../src/batches/verbs.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { NotFoundError } from '../../src/errors.ts';
import { followBatch } from '../../src/events/follow-batch.ts';
import { newId, type Services } from '../../src/services.ts';
import { keepHouse } from '../../src/worker/sweep.ts';
import { batchUpdatedDocument, committedEvents, expectToldExactly, take } from '../support/live.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { transports } from '../support/subscribers.ts';
import { batchNow, makeBatch, requestsOf } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
let key: string;
beforeAll(async () => {
  service = await startTestService();
  ({ services } = service.app);
  ({ key, scope } = await service.addOrganization('followed'));
});
afterAll(() => service.close());

const openBatch = () => makeBatch(services, scope, { submit: { kind: 'MANUAL' } });

async function endedBatch() {
  const { id } = await makeBatch(services, scope);
  await service.turn(60);
  return batchNow(services, id);
}

const follow = (id: string, after: number | null) => followBatch(services, scope, id, after);
const all = async (id: string, after: number | null) =>
  take(await follow(id, after), Number.POSITIVE_INFINITY);

describe('Following a batch that has ended', () => {
  it('tells its state once and completes', async () => {
    const { id, version } = await endedBatch();
    const told = await all(id, null);
    expect(told).toMatchObject([
      {
        batchId: id,
        fromSeq: 1,
        seq: version,
        kind: 'SNAPSHOT',
        resync: false,
        batch: { status: 'COMPLETED' },
      },
    ]);
  });

  it('tells what came after a number as one change, with the kinds in the order of their first appearance', async () => {
    const { id } = await endedBatch();
    const committed = await committedEvents(service, id);
    expect(await all(id, 2)).toMatchObject([
      { fromSeq: 3, seq: committed.length, kind: 'BATCH_ENDED', resync: false },
    ]);
    const [change] = await all(id, 2);
    expect(change?.kinds).toEqual([...new Set(committed.slice(2).map(({ kind }) => kind))]);
    expect(change?.at).toEqual((await batchNow(services, id)).updatedAt);
  });

  it('completes without a word for whoever has its last number', async () => {
    const { id, version } = await endedBatch();
    expect(await all(id, version)).toEqual([]);
  });

  it('starts afresh, and says so, for a number that it never had', async () => {
    const { id, version } = await endedBatch();
    expect(await all(id, version + 1)).toMatchObject([
      { fromSeq: 1, seq: version, kind: 'SNAPSHOT', resync: true, batch: { status: 'COMPLETED' } },
    ]);
  });

  it('completes over either transport', async () => {
    const { id, version } = await endedBatch();
    for (const subscribe of Object.values(transports)) {
      const subscriber = subscribe({ url: service.url, query: batchUpdatedDocument, variables: { id }, key });
      await subscriber.done;
      expect(subscriber.messages).toMatchObject([
        { data: { batchUpdated: { seq: version, cursor: null, batch: { status: 'COMPLETED', version } } } },
      ]);
      await subscriber.stop();
    }
  });
});

describe('Following a batch that lives', () => {
  it('names the newest kind, also where that kind appeared before', async () => {
    const { id } = await openBatch();
    await verbs.updateBatch(services, scope, id, { name: 'one' });
    await verbs.addRequests(services, scope, id, { requests: requestsOf(['three']) });
    const stream = await follow(id, 1);
    const [change] = await take(stream, 1);
    expect(change).toMatchObject({
      fromSeq: 2,
      seq: 4,
      kind: 'REQUESTS_ADDED',
      kinds: ['REQUESTS_ADDED', 'BATCH_UPDATED'],
    });
    await stream.return();
  });

  it('tells all that happened while nobody read as one change in the newest state', async () => {
    const { id } = await openBatch();
    const stream = await follow(id, null);
    const told = await take(stream, 1);
    for (let count = 0; count < 20; count += 1) {
      await verbs.updateBatch(services, scope, id, { name: `name ${count}` });
    }
    told.push(...(await take(stream, 1)));
    expect(told.at(-1)).toMatchObject({ fromSeq: 3, seq: 22, batch: { name: 'name 19', version: 22 } });
    await expectToldExactly(service, id, told);
    await stream.return();
  });

  it('begins before the first event for whoever asks from number 0', async () => {
    const { id } = await openBatch();
    const stream = await follow(id, 0);
    expect(await take(stream, 1)).toMatchObject([
      { fromSeq: 1, seq: 2, kind: 'REQUESTS_ADDED', resync: false },
    ]);
    await stream.return();
  });

  it('starts afresh, and says so, where events since the number are no longer kept, and then goes on', async () => {
    const { id } = await openBatch();
    await verbs.updateBatch(services, scope, id, { name: 'old' });
    service.clock.advance({ hours: 24 * services.settings.eventRetentionDays + 1 });
    await verbs.updateBatch(services, scope, id, { name: 'new' });
    await keepHouse(services);
    expect((await committedEvents(service, id)).map(({ seq }) => seq)).toEqual([4]);

    const stale = await follow(id, 2);
    expect(await take(stale, 1)).toMatchObject([
      { fromSeq: 1, seq: 4, kind: 'SNAPSHOT', kinds: ['SNAPSHOT'], resync: true, batch: { name: 'new' } },
    ]);
    await verbs.cancelBatch(services, scope, id);
    expect(await take(stale, 9)).toMatchObject([{ fromSeq: 5, seq: 5, kind: 'BATCH_ENDED', resync: false }]);

    const fresh = await all(id, 3);
    expect(fresh).toMatchObject([{ fromSeq: 4, seq: 5, resync: false }]);
  });
});

describe('A batch that is deleted', () => {
  it('ends its followers with the deletion and no batch, over either transport', async () => {
    const { id } = await openBatch();
    const variables = { id, after: 1 };
    const subscribers = Object.values(transports).map((subscribe) =>
      subscribe({ url: service.url, query: batchUpdatedDocument, variables, key }),
    );
    await Promise.all(subscribers.map((subscriber) => subscriber.waitFor(() => true)));
    await verbs.deleteBatch(services, scope, id);
    for (const subscriber of subscribers) {
      await subscriber.done;
      const events = subscriber.messages.map(({ data }) => data.batchUpdated);
      expect(events.at(-1)).toMatchObject({
        fromSeq: 3,
        seq: 3,
        kind: 'BATCH_DELETED',
        kinds: ['BATCH_DELETED'],
        resync: false,
        batch: null,
      });
      expect(events[0].batchId).toBe(events[1].batchId);
      await subscriber.stop();
    }
  });

  it('is told to whoever was away, once, and is not found by anybody new', async () => {
    const { id } = await openBatch();
    await verbs.updateBatch(services, scope, id, { name: 'soon gone' });
    await verbs.deleteBatch(services, scope, id);
    expect(await all(id, 2)).toMatchObject([{ fromSeq: 3, seq: 4, kind: 'BATCH_DELETED', batch: null }]);
    expect(await all(id, 4)).toEqual([]);
    expect(await all(id, 9)).toMatchObject([{ fromSeq: 1, seq: 4, kind: 'BATCH_DELETED', resync: true }]);
    await expect(follow(id, null)).rejects.toThrow(NotFoundError);
  });
});

describe('A batch of nobody, or of another organization', () => {
  it('is not found, whatever number is given, and also when it was deleted', async () => {
    const { id } = await openBatch();
    const other = await service.addOrganization('other');
    for (const after of [null, 1]) {
      await expect(followBatch(services, other.scope, id, after)).rejects.toThrow(NotFoundError);
      await expect(follow(newId(service.clock), after)).rejects.toThrow(NotFoundError);
    }
    await verbs.deleteBatch(services, scope, id);
    await expect(followBatch(services, other.scope, id, 1)).rejects.toThrow(NotFoundError);
  });

  it('is answered by a typed error over either transport', async () => {
    for (const subscribe of Object.values(transports)) {
      const variables = { id: newId(service.clock) };
      const subscriber = subscribe({ url: service.url, query: batchUpdatedDocument, variables, key });
      await subscriber.done;
      expect(subscriber.messages).toMatchObject([{ errors: [{ extensions: { code: 'NOT_FOUND' } }] }]);
      await subscriber.stop();
    }
  });
});

describe('A fault in the middle of a stream', () => {
  it('ends it with an error that shows nothing of the fault, over either transport', async () => {
    const { id } = await openBatch();
    const statement = (text: string) => services.db.read((q) => q.execute(sql.raw(text)));
    for (const subscribe of Object.values(transports)) {
      const subscriber = subscribe({ url: service.url, query: batchUpdatedDocument, variables: { id }, key });
      await subscriber.waitFor(() => true);
      await statement('alter table events rename to hidden');
      services.hub.announceAll();
      const thrown = await subscriber.done.catch((error: unknown) => error);
      await statement('alter table hidden rename to events');
      const errors = thrown ?? subscriber.messages.at(-1)?.errors;
      expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
      expect(JSON.stringify(errors)).not.toMatch(/events|select|relation/i);
      expect(services.hub.size).toBe(0);
      await subscriber.stop();
    }
  });
});
