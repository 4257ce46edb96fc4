/** The other half of the upgrade rule: what runs, and what is started again, beside a newer version that has migrated. */
import pg from 'pg';
import { expect, it } from 'vitest';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { bodyFor } from '../support/documents.ts';
import { mutate } from '../support/mutations.ts';
import { startTestService } from '../support/service.ts';
import { makeBatch } from '../support/verbs.ts';

/** What a migration may do, to every table that is written while a batch runs. */
const expansion = `
  do $$ declare t text; begin
    foreach t in array array['organizations', 'api_keys', 'batches', 'items', 'jobs', 'results', 'events', 'audit', 'idempotency'] loop
      execute format('alter table %I add column future text', t);
      execute format('alter table %I add column future_default integer default 7 not null', t);
    end loop;
  end $$;
  create table future (id uuid primary key);
  insert into drizzle.__drizzle_migrations (hash, created_at) values ('of a newer version', 9999999999999);`;

it('a process goes on, and one more is started, on a database that a newer version has migrated meanwhile', async () => {
  const service = await startTestService();
  const { services, databaseUrl } = service.app;
  const { scope } = await service.addOrganization('upgraded');
  const list = [{ body: bodyFor('openai', 'one') }];
  // Every statement was sent before, so that what the driver and the server remember of them is old.
  const warm = await makeBatch(services, scope);
  await service.turn(60);
  const running = await makeBatch(services, scope);
  await service.work();

  const administrator = new pg.Client({ connectionString: databaseUrl });
  await administrator.connect();
  await administrator.query(expansion);

  await service.turn(60);
  const { batch } = await mutate(
    service,
    'createBatch',
    { provider: 'openai', requests: { list }, submit: 'NOW' },
    { batch: 'id' },
  );
  await service.turn(60);
  const { data } = await service.query('query($id: ID!) { batch(id: $id) { status counts { succeeded } } }', {
    id: batch.id,
  });
  expect(data.batch).toEqual({ status: 'COMPLETED', counts: { succeeded: 1 } });
  const { rows } = await administrator.query(
    'select status from batches where id = any($1) order by created_at',
    [[warm.id, running.id]],
  );
  expect(rows).toEqual([{ status: 'COMPLETED' }, { status: 'COMPLETED' }]);

  await migrateDatabase(databaseUrl);
  const { rows: kept } = await administrator.query(
    'select count(*)::int as count from drizzle.__drizzle_migrations where created_at = 9999999999999',
  );
  expect(kept).toEqual([{ count: 1 }]);
  await administrator.end();
  await service.close();
});
