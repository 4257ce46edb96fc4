/**
 * A file of requests through the URL of an upload, beside a COPY of the rows that come of it: into the same tables of the
 * same database, in turns. On the one side every line is parsed, validated and its id checked; the other only stores.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench, BenchDatabase, BenchService } from '../bench.ts';
import { type BenchRow, type Measured, median } from '../row.ts';
import { growth } from './growth.ts';
import { type Turn, turnOf } from './programs.ts';
import { provider, writeRequests } from './requests.ts';

const repetitions = 4;

/** The row. */
export const upload: BenchRow = {
  name: 'upload',
  work: 'a file of 1 KB requests by PUT, until it is answered',
  limit: 'one COPY of the same rows',
  source: 'bench/stream/copy-in.ts',
  unit: 'rows/s',
  reach: { of: 'ratio', least: 0.7 },
  async run(bench) {
    const directory = await mkdtemp(join(tmpdir(), 'batchql-bench-upload-'));
    try {
      return await measure(bench, join(directory, 'requests.jsonl'));
    } finally {
      await rm(directory, { recursive: true });
    }
  },
};

async function measure(bench: Bench, path: string): Promise<Measured> {
  const count = bench.full ? 200_000 : 50_000;
  const database = await bench.database();
  const service = await bench.service({ databaseUrl: database.url, args: ['--role', 'api'] });
  await writeRequests(path, count);
  const work: number[] = [];
  const limit: number[] = [];
  const spent: { service: number; copy: number }[] = [];
  const rate = ({ milliseconds }: Turn) => (count / milliseconds) * 1000;
  // Both are done once before they count: programs are slower the first time, and tables grow from nothing.
  for (let at = 0; at <= repetitions; at += 1) {
    bench.say(at === 0 ? 'both once, uncounted' : `repetition ${at} of ${repetitions}`);
    await database.query('checkpoint');
    const { url, batchId } = await newUpload(service);
    const before = await service.processorSeconds();
    const uploaded = await turnOf(bench, 'put-file.ts', { url, path });
    const serviceSeconds = (await service.processorSeconds()) - before;
    await database.query('checkpoint');
    const other = (await newUpload(service)).batchId;
    const copied = await turnOf(bench, 'copy-in.ts', { databaseUrl: database.url, batchId: other, count });
    await refuseOtherRows(database, batchId, other, count);
    if (at === 0) continue;
    work.push(rate(uploaded));
    limit.push(rate(copied));
    spent.push({ service: serviceSeconds, copy: copied.postgresSeconds ?? 0 });
  }
  await service.stop();
  const microseconds = (what: 'service' | 'copy') => (median(spent.map((all) => all[what])) / count) * 1e6;
  const grown = await growth(bench, database.url, async (fresh, lines) => {
    await writeRequests(path, lines);
    await turnOf(bench, 'put-file.ts', { url: (await newUpload(fresh)).url, path });
  });
  return {
    work,
    limit,
    facts: [
      { what: 'processor time of the service for a row', value: microseconds('service'), unit: 'µs' },
      { what: 'processor time of Postgres for a row of the COPY', value: microseconds('copy'), unit: 'µs' },
      ...grown,
    ],
  };
}

async function newUpload(service: BenchService): Promise<{ url: string; batchId: string }> {
  const made = await service.query(
    `mutation($input: CreateUploadInput!) { createUpload(input: $input) {
      ... on CreateUploadPayload { url batch { uuid } } } }`,
    { input: { batch: { provider } } },
  );
  const { url, batch } = made['createUpload'] as { url: string; batch: { uuid: string } };
  return { url, batchId: batch.uuid };
}

/** A limit that stored something else would be none. */
async function refuseOtherRows(
  database: BenchDatabase,
  one: string,
  other: string,
  count: number,
): Promise<void> {
  const [row] = await database.query(
    `select count(*)::int as same from items a join items b on b.batch_id = $2 and b.position = a.position
     where a.batch_id = $1 and a.agent_id is null and b.agent_id is null
       and (a.custom_id, a.endpoint, a.model, a.bytes, a.request) = (b.custom_id, b.endpoint, b.model, b.bytes, b.request)`,
    [one, other],
  );
  if (row?.['same'] !== count) throw new Error(`of ${count} rows ${row?.['same']} are the same`);
}
