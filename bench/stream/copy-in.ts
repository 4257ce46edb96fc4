/**
 * The limit of the upload row: the rows that the service makes of the file, by one COPY in one transaction, as `psql` would
 * send them. They are made before the clock starts.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import copyStreams from 'pg-copy-streams';
import { processorSeconds } from '../bench.ts';
import type { Turn } from './programs.ts';
import { endpoint, model, requests } from './requests.ts';

const { databaseUrl, batchId, count } = JSON.parse(process.argv[2] ?? '{}') as {
  databaseUrl: string;
  batchId: string;
  count: number;
};

const columns = 'batch_id, position, custom_id, endpoint, model, agent_id, bytes, request, created_at';
const pieceLength = 256 * 1024;
const at = new Date().toISOString();
const pieces: Buffer[] = [];
let piece = '';
let position = 0;
for (const { customId, body } of requests(count)) {
  const request = body.replaceAll('\\', '\\\\');
  piece += `${batchId}\t${position}\t${customId}\t${endpoint}\t${model}\t\\N\t${body.length}\t${request}\t${at}\n`;
  position += 1;
  if (piece.length < pieceLength) continue;
  pieces.push(Buffer.from(piece));
  piece = '';
}
pieces.push(Buffer.from(piece));

const client = new pg.Client({ connectionString: databaseUrl });
await client.connect();
const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
const pid = rows[0]?.pid ?? 0;
const before = await processorSeconds(pid);
const began = performance.now();
await pipeline(Readable.from(pieces), client.query(copyStreams.from(`copy items (${columns}) from stdin`)));
const milliseconds = performance.now() - began;
const turn: Turn = { milliseconds, postgresSeconds: (await processorSeconds(pid)) - before };
console.log(JSON.stringify(turn));
await client.end();
