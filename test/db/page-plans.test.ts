/**
 * What a page reads depends on what it shows, never on how many rows there are or how deep it lies: Postgres itself
 * counts, for each statement as it is sent, among enough rows that reading them all would show.
 */
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database, Queryable } from '../../src/db/client.ts';
import { CopiedRows, CopyMemory } from '../../src/db/copy-out.ts';
import { batchPage } from '../../src/db/queries/batch-pages.ts';
import type { CreationPage } from '../../src/db/queries/creation-page.ts';
import { requestPage, resultPage } from '../../src/db/queries/downloads.ts';
import { type ItemFilter, itemPages } from '../../src/db/queries/item-pages.ts';
import { type JobFilter, jobPage } from '../../src/db/queries/jobs.ts';
import { ensurePartitions } from '../../src/db/queries/partitions.ts';
import { batchesToRemove } from '../../src/db/queries/removals.ts';
import type { BatchFilter } from '../../src/domain/batch-filter.ts';
import { type OrganizationScope, workerScope } from '../../src/domain/scope.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const organizationId = '01900000-0000-7000-8000-000000000001';
const scope: OrganizationScope = {
  kind: 'organization',
  organizationId,
  apiKeyId: organizationId,
  access: 'read',
  grant: null,
};
const batches = 20_000;
const itemsOfOne = 20_000;
const big = '01a1e000-0000-7000-8000-000000000000';

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await ensurePartitions(drizzle(client), new Date('2026-11-27T00:00:00Z'), 1);
  // One in a thousand is for gemini, one in two thousand failed, and each has a name and a tag that few others have.
  await client.query(`
    insert into organizations (id, name, created_at) values ('${organizationId}', 'many', now());
    insert into batches (id, organization_id, name, provider, sandbox, endpoint, completion_window, metadata, status, version,
                         total, succeeded, submit_mode, created_at, updated_at, completed_at)
    select ('01a1e000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '${organizationId}', 'run ' || (n % 2000) || '_%',
           case when n % 1000 = 7 then 'gemini' else 'openai' end, true, '/v1/x', '24h',
           jsonb_build_object('team', 'team ' || (n % 2000), 'kind', 'nightly'),
           case when n % 2000 = 7 then 'FAILED' else 'COMPLETED' end, 1, 0, 0, 'NOW',
           '2026-01-01'::timestamptz + n * interval '1 minute', now(),
           case when n % 5 > 0 then '2026-01-01'::timestamptz + n * interval '1 minute' end
    from generate_series(0, ${batches - 1}) n;
    insert into jobs (id, organization_id, batch_id, number, attempt, provider, sandbox, credential, nonce, endpoint,
                      completion_window, positions, request_count, bytes, status, version, created_at, updated_at)
    select id, organization_id, id, 1, 1, provider, true, 'one', id, endpoint, '24h', '{}', 0, 0,
           case when status = 'FAILED' then 'UNKNOWN' else status end, 1, created_at, updated_at
    from batches;
    update batches set results_removed_at = now(), removal_position = case when id > '${big.slice(0, -12)}000000000100' then null else 0 end
    where completed_at < '2026-01-02';
    update batches set total = ${itemsOfOne}, succeeded = ${itemsOfOne} where id = '${big}';
    insert into items (batch_id, position, custom_id, endpoint, bytes, request, created_at)
    select '${big}', n, 'item-' || n, '/v1/x', 2, '{}', now() from generate_series(0, ${itemsOfOne - 1}) n;
    insert into results (batch_id, position, attempt, status, seq, error_code, response, finished_at)
    select '${big}', n, 1, case when n % 2 = 0 then 'SUCCEEDED' when n % 2000 = 7 then 'EXPIRED' else 'ERRORED' end, 1,
           case when n % 2 = 0 then null when n % 2000 = 9 then 'rare' else 'overloaded' end, '{}', now()
    from generate_series(0, ${itemsOfOne - 1}) n`);
  await client.query('vacuum analyze batches, jobs, items, results');
}, 60_000);
afterAll(async () => {
  await client.end();
  await database.drop();
});

interface Plan {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly Plan[];
}

/** Runs it, and gives what it shows, how many rows its statement read out of tables and indexes, and by which indexes. */
async function cost<Rows>(work: (q: Queryable) => Promise<Rows>) {
  const sent: { query: string; params: unknown[] }[] = [];
  const rows = await work(
    drizzle(client, { logger: { logQuery: (query, params) => void sent.push({ query, params }) } }),
  );
  const [{ query, params } = { query: '', params: [] }] = sent;
  const answer = await client.query(`explain (analyze, format json) ${query}`, params);
  const indexes = new Set<string>();
  const count = (plan: Plan): number => {
    const own = /Scan/.test(plan['Node Type']) && !/Function|Subquery|CTE/.test(plan['Node Type']);
    if (plan['Index Name'] !== undefined)
      indexes.add(plan['Index Name'].replace(/^(\w+?)_20\d\d_\d\d/, '$1'));
    const removed = (plan['Rows Removed by Filter'] ?? 0) + (plan['Rows Removed by Index Recheck'] ?? 0);
    const read = own ? (plan['Actual Rows'] + removed) * plan['Actual Loops'] : 0;
    return read + (plan.Plans ?? []).map(count).reduce((sum, each) => sum + each, 0);
  };
  expect(sent).toHaveLength(1);
  return { rows, read: count(answer.rows[0]['QUERY PLAN'][0].Plan), indexes: [...indexes] };
}

/** What would be copied is asked for instead, so that it can be explained. */
const asked = (q: Queryable): Pick<Database, 'copyOut'> => ({
  async copyOut(selection) {
    await q.execute(selection);
    return new CopiedRows(Buffer.alloc(0));
  },
});

const limit = 11;
const at = (n: number) => ({
  createdAt: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
  id: `01a1e000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
});
const depths: [string, CreationPage['beyond']][] = [
  ['at the start', null],
  ['in the middle', at(batches / 2)],
  ['near the end', at(2500)],
];

describe.each(depths)('A page of batches %s', (_name, beyond) => {
  it.each<[string, BatchFilter, number]>([
    ['of all', {}, 2],
    ['of a state that most have', { status: ['COMPLETED'] }, 3],
    ['of a state that few have', { status: ['FAILED'] }, 3],
    ['of several states', { status: ['FAILED', 'COMPLETED', 'CANCELLED'] }, 4],
    ['of a provider that few are for', { provider: ['gemini'] }, 4],
    ['of several providers', { provider: ['gemini', 'openai'] }, 6],
    ['of a provider and a state', { provider: ['gemini'], status: ['FAILED'] }, 4],
    ['of a time', { createdAfter: new Date('2026-01-01'), createdBefore: new Date('2027-01-01') }, 2],
  ])('%s reads about what it shows', async (_what, filter, times) => {
    for (const order of ['ascending', 'descending'] as const) {
      const { rows, read } = await cost((q) => batchPage(scope, q, filter, { limit, order, beyond }));
      expect(read / limit).toBeLessThanOrEqual(times);
      expect(rows.length).toBeGreaterThan(0);
    }
  });
});

describe.each(depths)('A page of jobs %s', (_name, beyond) => {
  it.each<[string, JobFilter, number]>([
    ['of all', {}, 2],
    ['of a state that few are in', { status: ['UNKNOWN'] }, 3],
    ['of several states', { status: ['UNKNOWN', 'COMPLETED', 'RUNNING'] }, 4],
    ['of a provider that few are at', { provider: ['gemini'] }, 4],
    ['of a provider and a state', { provider: ['gemini'], status: ['UNKNOWN'] }, 4],
  ])('%s reads about what it shows', async (_what, filter, times) => {
    for (const order of ['ascending', 'descending'] as const) {
      const { rows, read } = await cost((q) => jobPage(scope, q, filter, { limit, order, beyond }));
      expect(read / limit).toBeLessThanOrEqual(times);
      expect(rows.length).toBeGreaterThan(0);
    }
  });
});

describe('Batches are found', () => {
  it('by the beginning of a name, in which no letter means anything but itself', async () => {
    const page = { limit, order: 'descending', beyond: null } as const;
    const { rows, indexes } = await cost((q) => batchPage(scope, q, { namePrefix: 'run 7_%' }, page));
    expect(rows.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, () => 'run 7_%'));
    expect(indexes).toEqual(['batches_name']);
  });

  it('by their metadata', async () => {
    const page = { limit, order: 'descending', beyond: null } as const;
    const metadata = { team: 'team 7', kind: 'nightly' };
    const { rows, indexes } = await cost((q) => batchPage(scope, q, { metadata }, page));
    expect(rows).toHaveLength(10);
    expect(indexes).toEqual(['batches_metadata']);
  });
});

describe('Batches that were kept long enough', () => {
  it.each([
    ['few', '2026-01-02T00:20:00Z'],
    ['many', '2027-01-01T00:00:00Z'],
  ])('are found among all others without reading those, where they are %s', async (_how, before) => {
    const { rows, read, indexes } = await cost(async (q) => {
      const ids = await batchesToRemove(workerScope, q, new Date(before), 1000);
      return ids.map((id) => ({ id }));
    });
    expect(rows.length).toBeGreaterThan(10);
    expect(indexes.toSorted()).toEqual(['batches_kept', 'batches_removing']);
    expect(read).toBeLessThanOrEqual(rows.length);
  });
});

describe.each([-1, itemsOfOne / 2, itemsOfOne - 4000])('A page after position %i', (after) => {
  it.each<[string, ItemFilter, number]>([
    ['of all items', {}, 6],
    ['of failed items', { status: ['ERRORED'] }, 6],
    ['of items that failed in any way', { status: ['ERRORED', 'EXPIRED', 'CANCELLED'] }, 12],
    ['of a state that few have', { status: ['EXPIRED'] }, 6],
    ['of a code that few have', { errorCode: ['rare'] }, 6],
    ['of several codes', { errorCode: ['rare', 'overloaded'] }, 10],
  ])('%s reads about what it shows', async (_what, filter, times) => {
    const page = { limit, order: 'ascending', beyond: after } as const;
    const { rows, read } = await cost((q) => itemPages(scope, q, [big], filter, page));
    expect(rows.length).toBeGreaterThan(1);
    expect(read / limit).toBeLessThanOrEqual(times);
  });

  it('of a download reads about what it shows', async () => {
    const page = { after, to: after + limit, limit: null, memory: new CopyMemory() };
    const kinds = { kind: 'output', withAccounts: true } as const;
    const requests = (q: Queryable) => requestPage(scope, asked(q), big, page);
    expect((await cost(requests)).read).toBeLessThanOrEqual(limit * 4);
    const results = (q: Queryable) => resultPage(scope, asked(q), big, kinds, page);
    expect((await cost(results)).read).toBeLessThanOrEqual(limit * 6);
  });
});
