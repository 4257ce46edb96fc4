/** How changes reach the hub, and what happens when they stop to. */
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { eventChannel } from '../../src/db/queries/events.ts';
import { createHub, type Hub } from '../../src/events/hub.ts';
import { connectHub, type EventSource } from '../../src/events/listener.ts';
import { createLogger } from '../../src/log.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

/** Rounds of twenty milliseconds instead of a second. */
const round = 20;

let database: TestDatabase;
let undo: (() => Promise<unknown>)[];
let logged: string[];
let hub: Hub;
beforeEach(async () => {
  database = await createTestDatabase('nothing');
  undo = [() => database.drop()];
  logged = [];
  hub = createHub();
});
afterEach(async () => {
  for (const step of undo.reverse()) await step();
});

/** A database whose listener goes by `directUrl`; closed at the end. */
function open(directUrl: string): Database {
  const db = openDatabase({ url: database.url, directUrl });
  undo.push(() => db.close());
  return db;
}

async function connectTo(
  db: Database,
  mode: 'notify' | 'poll' = 'notify',
  milliseconds = round,
): Promise<EventSource> {
  const log = createLogger({ level: 'info', destination: { write: (line) => void logged.push(line) } });
  const source = await connectHub({ hub, db, log }, mode, milliseconds);
  undo.push(() => source.close());
  return source;
}

async function proxyTo(url: string): Promise<TestProxy> {
  const proxy = await startProxy(url);
  undo.push(() => proxy.close());
  return proxy;
}

const announce = (db: Database, batchId: string) =>
  db.read((q) => q.execute(sql`select pg_notify(${eventChannel}, ${`acme ${batchId} 1`})`));

/** Waits for a follower of this batch alone to be woken. */
async function expectWakeUp(batchId: string, cause: () => Promise<unknown>): Promise<void> {
  const follower = hub.follow({ batchId });
  await cause();
  expect(await follower.next()).toBe('moved');
  follower.close();
}

describe('A process that listens', () => {
  it('hears of changes, and is ready when it has proven that it does', async () => {
    const db = open(database.url);
    const source = await connectTo(db);
    await expect.poll(() => source.listening(), { interval: 1 }).toBe(true);
    await expectWakeUp('one', () => announce(db, 'one'));
    await source.close();
    expect(source.listening()).toBe(false);
  });

  it('wakes everybody when it listens again after its connection was ended, and hears what comes then', async () => {
    const db = open(database.url);
    // Rounds so long that nothing wakes anybody but listening.
    const source = await connectTo(db, 'notify', 3_600_000);
    expect(source.listening()).toBe(true);
    for (let count = 0; count < 3; count += 1) {
      await expectWakeUp('one', () => terminateListener(db));
      const heard = hub.follow({ batchId: 'two' });
      await expect.poll(() => listeners(db)).toHaveLength(1);
      await announce(db, 'two');
      expect(await heard.next()).toBe('moved');
      heard.close();
    }
  });

  it('notices a connection that is dead without a word, wakes everybody each round, and takes another', async () => {
    const proxy = await proxyTo(database.url);
    const db = open(proxy.url);
    const source = await connectTo(db);
    await expect.poll(() => source.listening(), { interval: 1 }).toBe(true);
    proxy.freeze();
    await expect.poll(() => source.listening(), { interval: 1 }).toBe(false);
    await expectWakeUp('one', async () => undefined);
    await expect.poll(() => source.listening(), { interval: 1 }).toBe(true);
    await expectWakeUp('one', () => announce(db, 'one'));
    expect(logged.map((line) => JSON.parse(line).msg)).toEqual([
      'notifications of the database stay away',
      'notifications of the database arrive again',
    ]);
  });

  it('is not ready, and wakes everybody each round, where it listens to another database than it writes to', async () => {
    const other = await createTestDatabase('nothing');
    undo.push(() => other.drop());
    const source = await connectTo(open(other.url));
    expect(source.listening()).toBe(false);
    for (let count = 0; count < 3; count += 1) await expectWakeUp('one', async () => undefined);
    expect(source.listening()).toBe(false);
  });

  it('leaves no connection behind, neither those that it replaced nor, once closed, the last', async () => {
    const other = await createTestDatabase('nothing');
    undo.push(() => other.drop());
    const db = openDatabase({ url: database.url, directUrl: other.url });
    const source = await connectTo(db);
    const looking = openDatabase({ url: other.url });
    const seen = new Set<number>();
    while (seen.size < 3) {
      const pids = await listeners(looking);
      expect(pids.length).toBeLessThanOrEqual(2);
      for (const pid of pids) seen.add(pid);
    }
    await source.close();
    await db.close();
    await expect.poll(() => listeners(looking)).toEqual([]);
    await looking.close();
  });

  it('cannot start where LISTEN is refused', async () => {
    const nowhere = new URL(database.url);
    nowhere.pathname = 'missing';
    await expect(connectTo(open(nowhere.href))).rejects.toMatchObject({ name: 'DatabaseError' });
  });
});

describe('A process that looks each round', () => {
  it('wakes everybody without listening', async () => {
    const db = open(database.url);
    const source = await connectTo(db, 'poll');
    expect(source.listening()).toBe(false);
    for (let count = 0; count < 3; count += 1) await expectWakeUp('one', async () => undefined);
    expect(await listeners(db)).toEqual([]);
  });

  it('wakes nobody while the database cannot be read, because streams that cannot read end', async () => {
    let attempts = 0;
    const onStatement = () => {
      attempts += 1;
    };
    const db = openDatabase({ url: database.url, onStatement });
    await connectTo(db, 'poll');
    await expectWakeUp('one', async () => undefined);
    await db.close();
    const follower = hub.follow({ batchId: 'one' });
    const tried = attempts;
    await expect.poll(() => attempts).toBeGreaterThan(tried + 3);
    const waiting = new Promise((resolve) => setImmediate(() => resolve('waiting')));
    expect(await Promise.race([follower.next(), waiting])).toBe('waiting');
    follower.close();
  });
});

const listening = sql`from pg_stat_activity where datname = current_database() and query ilike 'listen%'`;

async function listeners(db: Database): Promise<number[]> {
  const { rows } = await db.read((q) => q.execute<{ pid: number }>(sql`select pid ${listening}`));
  return rows.map(({ pid }) => pid);
}

async function terminateListener(db: Database): Promise<void> {
  const { rows } = await db.read((q) => q.execute(sql`select pg_terminate_backend(pid) ${listening}`));
  expect(rows).toHaveLength(1);
}
