/**
 * The results of a batch as JSONL over HTTP, beside a COPY of what stands in the lines, in the same order and from the
 * same rows, in turns. Both are counted by the bytes of the providers' lines among them, so neither gains by what it
 * writes around these.
 */
import type { Bench } from '../bench.ts';
import { type BenchRow, type Fact, type Measured, median } from '../row.ts';
import { answeredBatch } from './answered-batch.ts';
import { growth } from './growth.ts';
import { turnOf } from './programs.ts';

const repetitions = 4;

/** The row. */
export const download: BenchRow = {
  name: 'download',
  work: "results as JSONL over HTTP, the provider's lines verbatim",
  limit: 'one COPY of them, with position, custom id and state',
  source: 'bench/stream/copy-out.ts',
  unit: 'MB/s',
  reach: { of: 'ratio', least: 0.7 },
  run: measure,
};

async function measure(bench: Bench): Promise<Measured> {
  const count = bench.full ? 200_000 : 50_000;
  const database = await bench.database();
  const service = await bench.service({ databaseUrl: database.url, args: ['--role', 'api'] });
  const { id, bytes } = await answeredBatch(database, service, count);
  const headers = { authorization: `Bearer ${service.key}` };
  const get = (format: string, more: object = {}) =>
    turnOf(bench, 'get-file.ts', {
      url: `${service.url}/batches/${id}/output.jsonl?format=${format}`,
      headers: { ...headers, ...more },
    });
  const rate = (milliseconds: number) => bytes / 1000 / milliseconds;
  const work: number[] = [];
  const limit: number[] = [];
  const spent: { service: number; copy: number }[] = [];
  // Both are done once before they count: programs are slower the first time, and rows are read from memory after it.
  for (let at = 0; at <= repetitions; at += 1) {
    bench.say(at === 0 ? 'both once, uncounted' : `repetition ${at} of ${repetitions}`);
    const before = await service.processorSeconds();
    const downloaded = await get('verbatim');
    const serviceSeconds = (await service.processorSeconds()) - before;
    const copied = await turnOf(bench, 'copy-out.ts', { databaseUrl: database.url, batchId: id });
    if (Math.min(downloaded.bytes ?? 0, copied.bytes ?? 0) < bytes) throw new Error('lines are missing');
    if (at === 0) continue;
    work.push(rate(downloaded.milliseconds));
    limit.push(rate(copied.milliseconds));
    spent.push({ service: serviceSeconds, copy: copied.postgresSeconds ?? 0 });
  }
  const others: Fact[] = [];
  for (const [what, format, more] of [
    ["as OpenAI's lines", 'openai', {}],
    ['as rows', 'flat', {}],
    ['as CSV', 'csv', {}],
    ['verbatim, compressed', 'verbatim', { 'accept-encoding': 'gzip' }],
  ] as const) {
    others.push({ what, value: rate((await get(format, more)).milliseconds), unit: 'MB/s' });
  }
  await service.stop();
  const microseconds = (what: 'service' | 'copy') => (median(spent.map((all) => all[what])) / count) * 1e6;
  const grown = await growth(bench, database.url, async (fresh, lines) => {
    const batch = await answeredBatch(database, fresh, lines);
    const url = `${fresh.url}/batches/${batch.id}/output.jsonl`;
    await turnOf(bench, 'get-file.ts', { url, headers });
  });
  return {
    work,
    limit,
    facts: [
      ...others,
      { what: 'processor time of the service for a row', value: microseconds('service'), unit: 'µs' },
      { what: 'processor time of Postgres for a row of the COPY', value: microseconds('copy'), unit: 'µs' },
      ...grown,
    ],
  };
}
