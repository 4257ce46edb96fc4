import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { transition } from '../../src/batches/transition.ts';
import * as verbs from '../../src/batches/verbs.ts';
import type { BatchRow } from '../../src/db/tables/batches.ts';
import type { BatchFilter } from '../../src/domain/batch-filter.ts';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import type { FeedMark } from '../../src/events/feed-changes.ts';
import { type FeedChanged, followOrganization } from '../../src/events/follow-organization.ts';
import { createDice } from '../../src/providers/emulator/chance.ts';
import type { Services } from '../../src/services.ts';
import { numbersIn, take } from '../support/live.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { batchNow, makeBatch } from '../support/verbs.ts';

let service: TestService;
let services: Services;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService();
  ({ services } = service.app);
});
beforeEach(async () => {
  ({ scope } = await service.addOrganization('feed'));
});
afterAll(() => service.close());

const follow = (after: FeedMark | null, filter: BatchFilter = {}) =>
  followOrganization(services, scope, { after, filter });
const openBatch = () => makeBatch(services, scope, { submit: { kind: 'MANUAL' } });
const openBatches = async (count: number) => {
  const batches: BatchRow[] = [];
  for (let made = 0; made < count; made += 1) batches.push(await openBatch());
  return batches;
};
const rename = ({ id }: { id: string }, name: string) => verbs.updateBatch(services, scope, id, { name });
const named = (told: readonly FeedChanged[]) => told.map(({ batch }) => batch?.name);

/** What is told until the batch `last` has this name. */
async function until(stream: AsyncIterator<FeedChanged, void>, name: string): Promise<FeedChanged[]> {
  const told: FeedChanged[] = [];
  while (told.at(-1)?.batch?.name !== name) {
    const [change] = await take(stream, 1);
    if (change === undefined) throw new Error(`the feed ended before ${name}`);
    told.push(change);
  }
  return told;
}

/** A change in a transaction that stays open until `commit` is called. */
async function beginRenaming({ id }: { id: string }, name: string) {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const done = services.db.transaction(async (tx) => {
    await transition(services, scope, tx, id, () => ({ event: 'BATCH_UPDATED', batch: { name } }));
    begun.resolve();
    await gate.promise;
  });
  await Promise.race([begun.promise, done]);
  return {
    async commit() {
      gate.resolve();
      await done;
    },
  };
}

describe('The feed of an organization', () => {
  it('tells what happens from now on, and not what was there, also while an old transaction is open', async () => {
    const [old, still, moving] = await openBatches(3);
    const open = await beginRenaming(still!, 'still open');
    await rename(old!, 'before');
    const stream = await follow(null);
    await rename(moving!, 'now');
    expect(await take(stream, 1)).toMatchObject([
      {
        batchId: moving!.id,
        fromSeq: 3,
        seq: 3,
        kind: 'BATCH_UPDATED',
        resync: false,
        batch: { name: 'now' },
      },
    ]);
    await open.commit();
    expect(named(await take(stream, 1))).toEqual(['still open']);
    await stream.return();
  });

  it('tells what happened to a batch while nobody read as one change, whose kinds are those of its numbers', async () => {
    const stream = await follow(null);
    const batch = await openBatch();
    await rename(batch, 'one');
    await rename(batch, 'two');
    const [change] = await take(stream, 1);
    expect(change).toMatchObject({ fromSeq: 1, seq: 4, kind: 'BATCH_UPDATED', batch: { name: 'two' } });
    expect(change?.kinds).toEqual(['BATCH_CREATED', 'REQUESTS_ADDED', 'BATCH_UPDATED']);
    await stream.return();
  });

  it('loses no change of a transaction that began first and is committed last, read on or resumed', async () => {
    const [first, second] = await openBatches(2);
    const reading = await follow(null);
    const cut = await follow(null);
    const late = await beginRenaming(first!, 'began first');
    await rename(second!, 'committed first');
    const [before] = await take(cut, 1);
    expect(before).toMatchObject({ batchId: second!.id });
    await cut.return();
    expect(named(await take(reading, 1))).toEqual(['committed first']);

    await late.commit();
    expect(named(await until(reading, 'began first'))).toEqual(['began first']);
    const resumed = await follow(before!.mark);
    expect(named(await until(resumed, 'began first'))).toContain('began first');
    await Promise.all([reading.return(), resumed.return()]);
  });

  it('loses nothing to whoever resumes after any one of the changes that were read together', async () => {
    const batches = await openBatches(5);
    const start = await follow(null);
    await rename(batches[0]!, 'start');
    const told = await take(start, 1);
    await start.return();
    for (const [number, batch] of batches.entries()) await rename(batch, `away ${number}`);
    const seen = new Set<string | null | undefined>();
    while (seen.size < 5) {
      const stream = await follow(told.at(-1)!.mark);
      told.push(...(await take(stream, 1)));
      await stream.return();
      seen.add(told.at(-1)?.batch?.name);
    }
    expect([...seen].sort()).toEqual(['away 0', 'away 1', 'away 2', 'away 3', 'away 4']);
  });

  it.each([1, 2, 3, 4, 5])(
    'tells every number of every batch while writers overlap and the reader is cut off again and again (%i)',
    async (seed) => {
      const dice = createDice(seed);
      const batches = await openBatches(4);
      // While this is open the feed's place is before it, so that what was told shows again, the newest before the older.
      const old = await beginRenaming(await openBatch(), 'old');
      batches.push(...(await openBatches(3)));
      const reading = readWithCuts(dice, batches);
      await reading.started;
      const open = new Map<BatchRow, Awaited<ReturnType<typeof beginRenaming>>>();
      for (let step = 0; step < 60; step += 1) {
        const batch = batches[dice(batches.length)]!;
        const running = open.get(batch);
        if (running === undefined) open.set(batch, await beginRenaming(batch, `step ${step}`));
        else {
          await running.commit();
          open.delete(batch);
        }
      }
      for (const { commit } of open.values()) await commit();
      await old.commit();
      for (const batch of batches) await rename(batch, 'the end');

      const told = await reading.told;
      for (const { id, version } of batches) {
        const numbers = new Set(numbersIn(told.filter(({ batchId }) => batchId === id)));
        const { version: newest } = await batchNow(services, id);
        const expected = Array.from({ length: newest - version }, (_, at) => version + 1 + at);
        expect([...numbers]).toEqual(expect.arrayContaining(expected));
        expect(told.findLast(({ batchId }) => batchId === id)?.seq).toBe(newest);
      }
    },
  );

  /** Reads until each batch was told at its end, leaving after a few changes and coming back with the last one's mark. */
  function readWithCuts(dice: (sides: number) => number, batches: readonly BatchRow[]) {
    const started = Promise.withResolvers<void>();
    const told: FeedChanged[] = [];
    const waiting = new Set(batches.map(({ id }) => id));
    const read = async () => {
      while (waiting.size > 0) {
        const stream = await follow(told.at(-1)?.mark ?? null);
        started.resolve();
        for (let takes = 1 + dice(4); takes > 0 && waiting.size > 0; takes -= 1) {
          const [change] = await take(stream, 1);
          if (change === undefined) throw new Error('the feed ended before its reader left');
          told.push(change);
          if (change.batch?.name === 'the end') waiting.delete(change.batchId);
        }
        await stream.return();
      }
      return told;
    };
    return { started: started.promise, told: read() };
  }
});
