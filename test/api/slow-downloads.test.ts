/** Downloads that are larger than anything between them and their reader, and readers that stop reading. */
import { createHash, randomBytes } from 'node:crypto';
import { get, type IncomingMessage } from 'node:http';
import postgres, { type Sql } from 'postgres';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OrganizationScope } from '../../src/domain/scope.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { makeBatch } from '../support/verbs.ts';

let service: TestService;
let sql: Sql;
let key: string;
let scope: OrganizationScope;
beforeAll(async () => {
  service = await startTestService();
  sql = postgres(service.app.databaseUrl, { max: 1, onnotice: () => undefined });
  ({ key, scope } = await service.addOrganization('slow'));
});
afterAll(async () => {
  await sql.end();
  await service.close('broken by hand');
});

/** A batch with results of these sizes, made by SQL; and the lines that its download has. */
async function batchOf(sizes: readonly number[]): Promise<{ url: string; lines: string[] }> {
  const { id } = await makeBatch(service.app.services, scope, { submit: { kind: 'MANUAL' }, texts: [] });
  // Nothing that could be compressed, here or in the database.
  const noise = randomBytes(Math.max(...sizes)).toString('base64');
  await sql`insert into items (batch_id, position, custom_id, endpoint, bytes, request, created_at)
    select ${id}, n - 1, 'item-' || n, '/v1/x', length(r), r, now()
    from unnest(${sizes as number[]}::int[]) with ordinality s(size, n), lateral (select '"' || left(${noise}, size) || '"' as r)`;
  await sql`insert into results (batch_id, position, attempt, status, seq, response, finished_at)
    select batch_id, position, 1, 'SUCCEEDED', 1, request, now() from items where batch_id = ${id}`;
  const total = sizes.length;
  await sql`update batches set total = ${total}, succeeded = ${total}, status = 'COMPLETED' where id = ${id}`;
  const lines = sizes.map(
    (size, position) =>
      `{"position":${position},"customId":"item-${position + 1}","status":"SUCCEEDED","result":"${noise.slice(0, size)}"}\n`,
  );
  return { url: `${service.url}/batches/${id}`, lines };
}

const open = (url: string) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers: { authorization: `Bearer ${key}` } }, resolve).on('error', reject);
  });
const digest = (parts: Iterable<string | Buffer>) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

const readings = () =>
  service.statements.filter((statement) => statement.includes('from batches bt join')).length;

it('Long lines among short ones come whole and in order, a megabyte in memory at a time', async () => {
  const sizes = Array.from({ length: 600 }, (_, n) =>
    n % 100 === 7 ? 300_000 : n % 10 === 3 ? 9_000 : n % 50,
  );
  const { url, lines } = await batchOf(sizes);
  service.statements.length = 0;
  expect(digest(await (await open(`${url}/output.jsonl`)).toArray())).toBe(digest(lines));
  const fetched = service.statements.filter((statement) => statement.includes('as k(batch_id, position'));
  expect(fetched.length).toBeGreaterThanOrEqual(3);
  const requests = await (await open(`${url}/input.jsonl?after=300`)).toArray();
  expect(
    digest(
      Buffer.concat(requests)
        .toString()
        .split('\n')
        .map((line) => /"body":(.*)\}$/.exec(line)?.[1] ?? ''),
    ),
  ).toBe(digest(lines.slice(301).map((line) => /"result":(.*)\}\n$/.exec(line)?.[1] ?? '')));
});

it('Readers that stop reading hold no connection, no snapshot, no lock and next to no memory', async () => {
  // 32 megabytes, of which a connection can hold some ten.
  const { url, lines } = await batchOf(Array.from({ length: 8_000 }, () => 4_000));
  const readers = 6;
  const resident = process.memoryUsage().rss;
  service.statements.length = 0;
  const stopped = await Promise.all(Array.from({ length: readers }, () => open(`${url}/output.jsonl`)));
  await expect.poll(readings, { timeout: 30_000 }).toBeGreaterThanOrEqual(readers * 2);
  await expect
    .poll(
      async () => {
        const before = readings();
        const busy = await sql`
          select pid from pg_stat_activity a where datname = current_database() and pid <> pg_backend_pid()
            and (state <> 'idle' or backend_xmin is not null or exists (
              select 1 from pg_locks l where l.pid = a.pid and l.relation is not null))`;
        return busy.length + readings() - before;
      },
      { interval: 200, timeout: 30_000 },
    )
    .toBe(0);
  expect(readings()).toBeLessThan(readers * 30);
  expect(process.memoryUsage().rss - resident).toBeLessThan(readers * 16 * 1024 * 1024);

  const [one, ...others] = stopped;
  for (const other of others) other.destroy();
  expect(digest((await one?.toArray()) ?? [])).toBe(digest(lines));
});
