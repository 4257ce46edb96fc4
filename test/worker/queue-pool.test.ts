/** The queue's connections, when they are dead without a word. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLogger } from '../../src/log.ts';
import { openQueuePool } from '../../src/worker/queue-pool.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { startProxy } from '../support/proxy.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase('nothing');
});
afterAll(() => database.drop());

it('a connection of the queue that falls silent fails as one that the queue waits for, and is replaced', async () => {
  const line = await startProxy(database.url);
  const log = createLogger({ level: 'silent' });
  const pool = openQueuePool({ log }, line.url, 0.3);
  const before = await pool.connect();
  const { rows } = await before.query('select pg_backend_pid() as pid');
  line.freeze();
  await expect(before.query('select 1')).rejects.toMatchObject({ code: '57P03' });
  before.release();
  const after = await pool.connect();
  expect((await after.query('select pg_backend_pid() as pid')).rows).not.toEqual(rows);
  after.release();
  await pool.end();
  await line.close();
});
