/**
 * A page of batches with their counts and jobs, over HTTP, against PostGraphile on the same tables: a compiler of GraphQL
 * to SQL that executes a page as one statement. Both check the caller's key, and show only what is its organization's;
 * both are asked by one program, in turns.
 */
import { type Bench, type BenchDatabase, countStatements } from '../bench.ts';
import type { BenchRow, Measured } from '../row.ts';
import { asker, middle, type Page } from './asking.ts';
import { ourPage, postgraphilePage } from './documents.ts';
import { filledService } from './filled-service.ts';
import { startPostgraphile } from './postgraphile.ts';
import type { Asked } from './wire.ts';

const batches = 5000;
const jobsOfEach = 3;
const turns = 7;
const requestsOfTurn = 80;
const atOnce = 8;
/** Until then, what is asked again and again is not yet compiled. */
const warmUps = 600;
const countedPages = 50;

/** The row. */
export const page: BenchRow = {
  name: 'page',
  work: `a page of 50 batches with counts and jobs, over HTTP, ${atOnce} at once`,
  limit: 'PostGraphile, with keys and tenants, on the same tables',
  source: 'bench/postgraphile/server.js',
  unit: 'pages/s',
  reach: { of: 'ratio', least: 1 },
  run: measure,
};

async function measure(bench: Bench): Promise<Measured> {
  const { database, service, organizationId } = await filledService(bench, batches, jobsOfEach);
  const signedIn = { authorization: `Bearer ${service.key}` };
  const theirs = { headers: signedIn, body: postgraphilePage(organizationId) };
  const pages = {
    ours: { url: `${service.url}/graphql`, headers: signedIn, body: ourPage(null) },
    theirs: { ...theirs, url: await startPostgraphile(bench, database, 'keys') },
    open: { ...theirs, url: await startPostgraphile(bench, database, 'open') },
  } satisfies Record<string, Page>;
  const { ask } = await asker(bench);

  bench.say('everybody is asked until it is warm');
  for (const each of Object.values(pages)) await ask({ ...each, concurrency: 4, requests: warmUps });

  const each = <Value>(make: () => Value) => ({ ours: make(), theirs: make(), open: make() });
  const [alone, many] = [each(() => [] as Asked[]), each(() => [] as Asked[])];
  for (let turn = 0; turn < turns; turn += 1) {
    for (const who of ['ours', 'theirs', 'open'] as const) {
      alone[who].push(await ask({ ...pages[who], concurrency: 1, requests: requestsOfTurn / 2 }));
      many[who].push(await ask({ ...pages[who], concurrency: atOnce, requests: requestsOfTurn }));
    }
  }
  const statements = {
    ours: await statementsOf(database, () => ask({ ...pages.ours, concurrency: 1, requests: countedPages })),
    theirs: await statementsOf(database, () =>
      ask({ ...pages.theirs, concurrency: 1, requests: countedPages }),
    ),
  };
  const rates = (asked: readonly Asked[]) => asked.map(({ requestsPerSecond }) => requestsPerSecond);
  return {
    work: rates(many.ours),
    limit: rates(many.theirs),
    facts: [
      {
        what: 'statements for a page, beside sign-in and limits',
        value: statements.ours,
        unit: '',
        most: 3,
      },
      {
        what: 'the same of PostGraphile, its transaction and settings included',
        value: statements.theirs,
        unit: '',
      },
      {
        what: 'from asking for a page until it is there, one at a time',
        value: middle(alone.ours).milliseconds,
        unit: 'ms',
      },
      { what: 'the same of PostGraphile', value: middle(alone.theirs).milliseconds, unit: 'ms' },
      {
        what: 'pages of a PostGraphile that asks for no key and knows no tenants',
        value: middle(many.open).requestsPerSecond,
        unit: 'pages/s',
      },
    ],
  };
}

/** How many statements a page takes, as Postgres itself counts them; whose key it is, and what is counted against it, apart. */
async function statementsOf(database: BenchDatabase, work: () => Promise<unknown>): Promise<number> {
  await countStatements(database.url, 'top');
  await database.query('create extension if not exists pg_stat_statements');
  await database.query('select pg_stat_statements_reset()');
  await work();
  const [counted] = await database.query(`
    select coalesce(sum(calls), 0)::int as calls from pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database())
      and query !~ 'api_keys|rate_counts|pg_stat_statements|pg_reload_conf'`);
  await countStatements(database.url, 'none');
  return Number(counted?.['calls']) / countedPages;
}
