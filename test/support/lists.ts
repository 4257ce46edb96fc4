/** Every list of a batch's items tells the same story: pages, counts, groups, downloads, frames and attempts. */
import { expect } from 'vitest';
import { CopyMemory } from '../../src/db/copy-out.ts';
import { resultPage } from '../../src/db/queries/downloads.ts';
import { attemptPages, countAttempts } from '../../src/db/queries/item-attempts.ts';
import {
  countItems,
  findItemViews,
  finishedItems,
  type ItemView,
  itemPages,
} from '../../src/db/queries/item-pages.ts';
import { errorGroups } from '../../src/db/queries/results.ts';
import { hasFailed } from '../../src/domain/retry.ts';
import { workerScope } from '../../src/domain/scope.ts';
import { itemStatuses } from '../../src/domain/status.ts';
import type { Services } from '../../src/services.ts';
import { batchNow, itemsNow } from './verbs.ts';

const page = { limit: 1000, order: 'ascending', beyond: null } as const;
const positionsOf = (items: readonly { position: number }[]): number[] =>
  items.map(({ position }) => position);

/** Fails where two lists of the batch disagree; answers its items. */
export async function expectListsAgree(services: Services, id: string): Promise<ItemView[]> {
  const { db } = services;
  const items = await itemsNow(services, id);
  const batch = await batchNow(services, id);
  const keys = items.map(({ position }) => ({ batchId: id, position }));
  const byPosition = <Row extends { position: number }>(rows: readonly Row[]) =>
    rows.toSorted((one, other) => one.position - other.position);
  expect(byPosition(await db.read((q) => findItemViews(workerScope, q, keys)))).toEqual(items);

  for (const status of itemStatuses) {
    const wanted = items.filter((item) => item.status === status);
    const filter = { status: [status] };
    expect(batch[status.toLowerCase() as Lowercase<typeof status>]).toBe(wanted.length);
    expect(await db.read((q) => itemPages(workerScope, q, [id], filter, page))).toEqual(wanted);
    expect((await db.read((q) => countItems(workerScope, q, [id], filter))).get(id) ?? 0).toBe(wanted.length);
  }

  const failed = items.filter(({ status }) => hasFailed(status));
  const groups = await db.read((q) => errorGroups(workerScope, q, [id]));
  const byCode = Map.groupBy(failed, ({ errorCode }) => errorCode ?? '');
  expect(new Map(groups.map(({ code, count, samplePosition }) => [code, [count, samplePosition]]))).toEqual(
    new Map([...byCode].map(([code, those]) => [code, [those.length, those[0]?.position]])),
  );

  const succeeded = items.filter(({ status }) => status === 'SUCCEEDED');
  for (const [kind, wanted] of [
    ['output', succeeded],
    ['errors', failed],
  ] as const) {
    const page = { after: -1, to: 1000, limit: null, memory: new CopyMemory() };
    const lines = await resultPage(workerScope, db, id, { kind, withAccounts: false }, page);
    const positions = Array.from({ length: lines.count }, (_, place) => lines.row(place).position);
    expect(positions).toEqual(positionsOf(wanted));
  }
  const finished = await db.read((q) => finishedItems(workerScope, q, id, { seq: 0, position: -1 }, 1000));
  const over = items.filter(({ finishedAt }) => finishedAt !== null);
  expect(byPosition(finished).map(({ seq: _, ...item }) => item)).toEqual(over);
  expect(over).toHaveLength(succeeded.length + failed.length);

  const attempts = await db.read((q) => attemptPages(workerScope, q, keys, page));
  const counts = await db.read((q) => countAttempts(workerScope, q, keys));
  for (const { position, status, jobId, attempt } of items) {
    const own = attempts.filter((each) => each.position === position);
    expect(counts.find((each) => each.position === position)?.count).toBe(own.length);
    const newest = own.at(-1);
    if (newest === undefined) expect({ status, jobId }).toEqual({ status: 'PENDING', jobId: null });
    else {
      expect({ status: newest.status, jobId: newest.jobId }).toEqual({ status, jobId });
      if (attempt !== null) expect(newest.attempt).toBe(attempt);
      for (const earlier of own.slice(0, -1)) expect(hasFailed(earlier.status)).toBe(true);
    }
  }
  return items;
}
