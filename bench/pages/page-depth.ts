/**
 * The same page near the start of a list and deep in it: what a page costs does not depend on what lies before it. Where
 * the deep page begins is a cursor, as a caller would have it from the page before.
 */
import type { Bench } from '../bench.ts';
import type { BenchRow, Measured } from '../row.ts';
import { asker } from './asking.ts';
import { ourPage } from './documents.ts';
import { filledService } from './filled-service.ts';

const depths = { near: 10, deep: 100_000 };
const pageSize = 50;
const turns = 9;
const requestsOfTurn = 40;
const warmUps = 400;

/** The row. */
export const pageDepth: BenchRow = {
  name: 'page-depth',
  work: `a page of 50 batches with counts and jobs after ${depths.deep.toLocaleString('en-GB')} others`,
  limit: `the same after ${depths.near} others`,
  source: 'bench/pages/page-depth.ts',
  unit: 'ms',
  reach: { of: 'ratio', most: 1.2 },
  run: measure,
};

async function measure(bench: Bench): Promise<Measured> {
  const { database, service } = await filledService(bench, depths.deep + pageSize * 2, 1);
  const headers = { authorization: `Bearer ${service.key}` };
  const pageAfter = async (depth: number) => {
    const [row] = await database.query(
      'select id, created_at::text as at from batches order by created_at desc, id desc offset $1 limit 1',
      [depth - 1],
    );
    const keys = ['batch', new Date(String(row?.['at'])).toISOString(), row?.['id']];
    const cursor = Buffer.from(JSON.stringify(keys)).toString('base64url');
    return { url: `${service.url}/graphql`, headers, body: ourPage(cursor) };
  };
  const [near, deep] = [await pageAfter(depths.near), await pageAfter(depths.deep)];
  const { ask } = await asker(bench);

  bench.say('it is asked until it is warm');
  for (const each of [near, deep]) await ask({ ...each, concurrency: 4, requests: warmUps });

  const measured = { work: [] as number[], limit: [] as number[] };
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [page, times] of [[deep, measured.work] as const, [near, measured.limit] as const]) {
      const { medianMilliseconds } = await ask({ ...page, concurrency: 1, requests: requestsOfTurn });
      times.push(medianMilliseconds);
    }
  }
  return measured;
}
