/**
 * A prompt never reaches an error. Everything that the database, its driver or the query builder quotes in an
 * error of theirs is made to hold a secret here; what leaves `client.ts` is searched for it in every form in
 * which an error can be shown.
 */
import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { type SQL, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Database, openDatabase, type Queryable } from '../../src/db/client.ts';
import { DatabaseError } from '../../src/db/errors.ts';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { insertItems } from '../../src/db/queries/items.ts';
import { insertOrganization } from '../../src/db/queries/organizations.ts';
import { workerScope } from '../../src/domain/scope.ts';
import { NotFoundError } from '../../src/errors.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const secret = 'S3CRET';
const batchId = '01900000-0000-7000-8000-000000000000';

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, connectionsMax: 2 });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const execute = (statement: SQL) => (q: Queryable) => q.execute(statement);

/** What is refused, by which code, and how the secret comes into it. */
const refusals: ReadonlyArray<readonly [string, string, (q: Queryable) => Promise<unknown>]> = [
  ['a value of the wrong form', '22P02', execute(sql`select ${secret}::uuid`)],
  ['a number out of range', '22003', execute(sql`select length(${secret}) * 2147483647`)],
  ['a text with a NUL', '22021', execute(sql`select ${`${secret}\u0000`}::text`)],
  ['JSON that is none', '22P02', execute(sql`select ${`{"prompt": "${secret}`}::text::jsonb`)],
  ['a statement that cannot be read', '42601', execute(sql.raw(`select '${secret}' ${secret} ${secret}`))],
  ['a column that does not exist', '42703', execute(sql.raw(`select "${secret}"`))],
  [
    'an error raised with details',
    'P0001',
    execute(raise(`message = '${secret}', detail = '${secret}', hint = '${secret}'`)),
  ],
  ['a row that breaks a check', '23514', execute(brokenCounts())],
  [
    'a key that is taken',
    '23505',
    (q) => insertItems(workerScope, q, { id: batchId, at: new Date(0) }, [item(0), item(1)]),
  ],
  ['a reference to nothing', '23503', execute(danglingKey())],
  ['a row without a value', '23502', execute(sql`insert into organizations (name) values (${secret})`)],
  [
    'a wrong type in the query builder',
    '22P02',
    (q) => insertOrganization(q, { id: secret, name: secret, createdAt: new Date(0) }),
  ],
  [
    'a parameter that cannot be sent',
    'unknown',
    execute(
      sql`select ${{
        toPostgres: () => {
          throw new Error(secret);
        },
      }}::text`,
    ),
  ],
];

describe.each(['read', 'transaction'] as const)('An error out of a %s', (way) => {
  it.each(refusals)('keeps the secret of %s and tells its code %s', async (_title, code, work) => {
    const error = await failureOf(() => db[way](work));
    expect(error).toBeInstanceOf(DatabaseError);
    expect(error).toMatchObject({ code });
    expect(everythingIn(error)).not.toContain(secret);
  });

  it('names the table and the constraint, which are ours', async () => {
    const error = await failureOf(() => db[way](execute(brokenCounts())));
    expect(error).toMatchObject({ table: 'batches', constraint: 'batches_counts_sum_to_total' });
  });

  it('is the very error that our own code threw in it', async () => {
    const ours = new NotFoundError('batch', batchId);
    expect(await failureOf(() => db[way](() => Promise.reject(ours)))).toBe(ours);
  });

  it.each([
    [
      'nobody listens',
      async () => `postgres://${secret}:${secret}@127.0.0.1:${await closedPort()}/${secret}`,
    ],
    ['the password is wrong', async () => changed((url) => Object.assign(url, { password: secret }))],
    ['the database does not exist', async () => changed((url) => Object.assign(url, { pathname: secret }))],
  ])('keeps the secrets in the url where %s', async (_title, urlOf) => {
    const elsewhere = openDatabase({ url: await urlOf() });
    try {
      const error = await failureOf(() => elsewhere[way](execute(sql`select ${secret}::text`)));
      expect(error).toBeInstanceOf(DatabaseError);
      expect(everythingIn(error)).not.toContain(secret);
    } finally {
      await elsewhere.close();
    }
  });
});

describe('An error of migrating', () => {
  it('keeps the secrets in the url', async () => {
    const url = `postgres://${secret}:${secret}@127.0.0.1:${await closedPort()}/${secret}`;
    const error = await failureOf(() => migrateDatabase(url));
    expect(error).toMatchObject({ name: 'DatabaseError', code: 'ECONNREFUSED' });
    expect(everythingIn(error)).not.toContain(secret);
  });
});

describe('The search for the secret', () => {
  it('finds it in the error as the driver made it', async () => {
    const error = await db.read(async (q) => {
      try {
        return await q.execute(sql`select ${secret}::uuid`);
      } catch (foreign) {
        return foreign;
      }
    });
    expect(everythingIn(error)).toContain(secret);
  });
});

async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing failed');
}

/** Every text that a log, a debugger or a careless handler could make of an error and of its causes. */
function everythingIn(error: unknown): string {
  const shown = [inspect(error, { depth: 10, showHidden: true, getters: true }), String(error)];
  for (let at = error; at instanceof Error; at = at.cause) {
    const own = Object.getOwnPropertyNames(at).map((name) => String(Reflect.get(at as Error, name)));
    shown.push(at.message, at.stack ?? '', JSON.stringify(at), ...own);
  }
  return shown.join('\n');
}

const item = (position: number) => ({
  position,
  customId: secret,
  endpoint: '/v1',
  model: null,
  agentId: null,
  bytes: 2,
  request: `{"prompt":"${secret}"}`,
});

function brokenCounts(): SQL {
  return sql`
    with tenant as (insert into organizations values (gen_random_uuid(), ${secret}, now()) returning id)
    insert into batches (id, organization_id, name, provider, sandbox, endpoint, completion_window, metadata, status,
                         version, total, submit_mode, created_at, updated_at)
    select gen_random_uuid(), id, ${secret}, 'openai', true, '/v1', '24h', '{}', 'ACCUMULATING', 1, 7, 'NOW', now(), now()
    from tenant`;
}

function danglingKey(): SQL {
  return sql`
    insert into api_keys (id, organization_id, name, hash, scope, created_at)
    values (gen_random_uuid(), ${batchId}, ${secret}, ${secret}, ${secret}, now())`;
}

function raise(using: string): SQL {
  return sql.raw(`do $$ begin raise exception using ${using}; end $$`);
}

/** The test database's url with one part replaced. */
function changed(change: (url: URL) => void): string {
  const url = new URL(inject('postgres').url);
  change(url);
  return url.href;
}

/** A port of 127.0.0.1 where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
