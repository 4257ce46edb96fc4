/**
 * Taking in what a provider answered: read from its file, parsed, matched with the requests, stored, counted, priced,
 * told. The seconds are the batch's own, from the event before its first results to its end, so that nothing of what
 * comes before is in them. Held against a COPY of the very rows that came of it.
 */
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../src/db/client.ts';
import { ensurePartitions } from '../../src/db/queries/partitions.ts';
import type { Bench, BenchDatabase, BenchService } from '../bench.ts';
import { lines } from '../live/programs.ts';
import type { BenchRow, Measured } from '../row.ts';

const repetitions = 5;
const requests = 30_000;
const runningSeconds = 3600;

/** The row. */
export const ingest: BenchRow = {
  name: 'ingest',
  work: 'results of a provider stored with counts, usage and cost',
  limit: 'COPY of the same rows',
  source: 'bench/ingest/copy.ts',
  unit: 'rows/s',
  reach: { of: 'ratio', least: 0.4 },
  run: measure,
};

async function measure(bench: Bench): Promise<Measured> {
  const database = await bench.database();
  const other = await bench.database();
  await withPartitions(other.url);
  const emulator = await emulated(bench);
  const provider = await lines(bench.program(here('provider.ts'), [emulator.url]));
  const { url: baseUrl } = await provider.next<{ url: string }>();
  const service = await bench.service({
    databaseUrl: database.url,
    settings: { OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: emulator.key },
  });
  const copying = bench.program(here('copy.ts'), [database.url, other.url]);
  const copy = await lines(copying);
  await copy.next();

  const work: number[] = [];
  const limit: number[] = [];
  for (let at = 0; at < repetitions; at += 1) {
    bench.say(`batch ${at + 1} of ${repetitions}`);
    const batch = await sentBatch(service, database);
    await emulator.advance(2 * runningSeconds);
    work.push(requests / (await ingested(service, database, batch)));
    copying.stdin?.write(`${batch}\n`);
    limit.push(requests / (await copy.next<{ seconds: number }>()).seconds);
  }
  return {
    work,
    limit,
    facts: [
      {
        what: 'resident memory of the service at the most',
        value: (await service.residentBytesMax()) / 1e6,
        unit: 'MB',
      },
    ],
  };
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

async function withPartitions(url: string): Promise<void> {
  const db = openDatabase({ url });
  await db.transaction((tx) => ensurePartitions(tx, new Date(), 1));
  await db.close();
}

/** The emulators' program, and its clock. */
async function emulated(bench: Bench) {
  const child = bench.program(here('../../bin/batchql.js'), [
    ...['emulate', '--providers', 'openai', '--port', '0', '--seconds', String(runningSeconds)],
  ]);
  if (child.stdout === null) throw new Error('the emulator tells its address on its output');
  const said: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    said.push(line);
    if (line.startsWith('Faults')) break;
  }
  const told = (before: string) => new RegExp(`${before}(\\S+?):? `).exec(said.join('\n'))?.[1] ?? '';
  const origin = told('Emulators at ');
  return {
    url: told('OPENAI_BASE_URL='),
    key: told('OPENAI_API_KEY='),
    async advance(seconds: number) {
      const body = JSON.stringify({ advance: { seconds } });
      const { status } = await fetch(`${origin}/_emulate/clock`, { method: 'POST', body });
      if (status !== 200) throw new Error('the emulator kept its time');
    },
  };
}

/** A batch that its provider has, by its id. */
async function sentBatch(service: BenchService, database: BenchDatabase): Promise<string> {
  const { createUpload } = (await service.query(
    `mutation { createUpload(input: { batch: { provider: "openai", submit: NOW } }) {
      ... on CreateUploadPayload { url batch { uuid } } ... on Error { message } } }`,
  )) as { createUpload: { url: string; batch: { uuid: string } } };
  const put = await fetch(createUpload.url, { method: 'PUT', body: requestLines() });
  if (put.status !== 200) throw new Error(await put.text());
  await until(
    database,
    "select 1 from batches where id = $1 and status in ('VALIDATING', 'IN_PROGRESS')",
    createUpload.batch.uuid,
  );
  return createUpload.batch.uuid;
}

/** How long it took to take the results in, in seconds. */
async function ingested(service: BenchService, database: BenchDatabase, batch: string): Promise<number> {
  await service.query(`mutation($id: ID!) { syncBatch(input: { batchId: $id }) { __typename } }`, {
    id: batch,
  });
  const [row] = await until(
    database,
    `select extract(epoch from e.at - (
       select max(b.at) from events b where b.batch_id = e.batch_id and b.seq <
         (select min(r.seq) from events r where r.batch_id = e.batch_id and r.kind = 'RESULTS_ADDED')))::float8 as seconds
     from events e where e.batch_id = $1 and e.kind = 'BATCH_ENDED'`,
    batch,
  );
  const [counts] = await database.query('select succeeded, errored from batches where id = $1', [batch]);
  if (Number(counts?.['succeeded']) + Number(counts?.['errored']) !== requests) {
    throw new Error(`the batch ended otherwise: ${JSON.stringify(counts)}`);
  }
  return Number(row?.['seconds']);
}

/** What the statement about a batch answers as soon as it answers anything. */
async function until(database: BenchDatabase, statement: string, batch: string) {
  for (let waited = 0; waited < 60_000; waited += 50) {
    const rows = await database.query(statement, [batch]);
    if (rows.length > 0) return rows;
    await wait(50);
  }
  throw new Error('the batch did not come so far');
}

/** One in a hundred fails at the provider, so that both of its files are there to be read. */
const requestLines = (): string =>
  Array.from({ length: requests }, (_, at) => {
    const asked =
      at % 100 === 0 ? 'emulate:errored' : `Question ${at}: what is to be said of it in a sentence or two?`;
    const body = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: asked }] };
    return `${JSON.stringify({ customId: `request-${at}`, body })}\n`;
  }).join('');
