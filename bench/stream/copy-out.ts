/** The limit of the download row: what stands in the lines, by one COPY in the same order, counted and thrown away. */
import pg from 'pg';
import copyStreams from 'pg-copy-streams';
import { processorSeconds } from '../bench.ts';
import type { Turn } from './programs.ts';

const { databaseUrl, batchId } = JSON.parse(process.argv[2] ?? '{}') as {
  databaseUrl: string;
  batchId: string;
};
const client = new pg.Client({ connectionString: databaseUrl });
await client.connect();
const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
const pid = rows[0]?.pid ?? 0;
const before = await processorSeconds(pid);
const began = performance.now();
let bytes = 0;
const copied = client.query(
  copyStreams.to(
    `copy (select r.position, i.custom_id, r.status, r.response
           from results r join items i on i.batch_id = r.batch_id and i.position = r.position
           where r.batch_id = '${batchId}' and i.batch_id = '${batchId}' order by r.position) to stdout`,
  ),
);
for await (const piece of copied) bytes += (piece as Buffer).length;
const milliseconds = performance.now() - began;
const turn: Turn = { milliseconds, bytes, postgresSeconds: (await processorSeconds(pid)) - before };
console.log(JSON.stringify(turn));
await client.end();
